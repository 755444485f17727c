/** Roles grant nothing over an alias that is gone, but would over another connection of that name. */
export const keptRoleWarnings = (
  { local, alias }: { readonly local: string; readonly alias: string },
  roles: readonly string[],
): string[] => {
  const [first, ...more] = roles;
  if (first === undefined) return [];
  const removal = `\`remora roles remove ${local} ${alias} --name ${first}\``;
  return [
    more.length === 0
      ? `Role ${first} of cluster ${local}, which was made for this connection, stays: ${removal} takes it away, also afterwards.`
      : `The roles ${roles.join(', ')} of cluster ${local}, which were made for this connection, stay: ${removal} takes the first away, also afterwards, and so on.`,
  ];
};
