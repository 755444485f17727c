const PART = /^(.+)\/(key|certificate)(@\d+)$/;

/**
 * Whether two sources of files are the key and the certificate of one PEM pair, in this order: parts of one version of a port's secrets. They are of no use but together.
 */
export const isPair = (key: string, certificate: string): boolean => {
  const [, base, part, version] = PART.exec(key) ?? [];
  return part === 'key' && `${base}/certificate${version}` === certificate;
};
