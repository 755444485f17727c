import type { ConnectionSetUp } from '@remora/shared/model/inventory.ts';

/** Names alone as people give them, and an entry that says more as it stands. */
const entryOf = (entry: unknown): string => {
  const { names, ...more } = entry as { readonly names?: unknown };
  return Array.isArray(names) && Object.keys(more).length === 0 ? names.join(', ') : JSON.stringify(entry);
};

const keyLines = ({ access, expires, metadata }: ConnectionSetUp): string[] => {
  if (access === undefined) return [];
  const grants = Object.entries(access).flatMap(([what, entries]) =>
    [entries].flat().map((entry) => `    ${what}: ${entryOf(entry)}`),
  );
  const given = metadata === undefined ? '' : `, metadata ${JSON.stringify(metadata)}`;
  return [`  The key grants (${expires ? `for ${expires}` : 'without end'}${given})`, ...grants];
};

const handLines = ({ byHand }: ConnectionSetUp): string[] => {
  const parts = [
    ...(byHand?.servers ? ['the remote cluster servers'] : []),
    ...(byHand?.trust ? ['what local nodes trust'] : []),
  ];
  return parts.length === 0 ? [] : [`  Stays as people made it: ${parts.join(', ')}`];
};

/** How a connection is set up, a line each: settings, access, CAs. */
export const setUpText = (setUp: ConnectionSetUp): string => {
  const settings = Object.entries(setUp.settings).map(([name, value]) => `    ${name}: ${[value].flat().join(', ')}`);
  return [
    '  Settings',
    ...(settings.length === 0 ? ['    none that are persistent'] : settings),
    ...keyLines(setUp),
    ...(setUp.cas === undefined || setUp.cas.length === 0 ? [] : [`  CA ${setUp.cas.join(', ')}`]),
    ...handLines(setUp),
  ].join('\n');
};
