/** Values of such settings never leave the node, whatever is asked for. */
export const isSecretName = (name: string): boolean =>
  /password|passphrase|secret|secure_|token|credentials|(access|encryption)_key|api[_ -]?key|private_key$/i.test(name);
