import type { ConnectionRecord } from './records.ts';

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The record of a connection as it becomes: what is different of one that stands, the whole of a new one. */
export const connectionDiff = (standing: ConnectionRecord | undefined, wanted: ConnectionRecord): string => {
  const { local, remote, alias, found: _, ...fields } = wanted;
  const lines = Object.entries(fields).flatMap(([name, value]) => {
    const now = shown(value);
    const before = standing && shown(standing[name as keyof ConnectionRecord]);
    if (before === now) return [];
    return [...(before === undefined ? [] : [`-   ${name}: ${before}`]), `+   ${name}: ${now}`];
  });
  return [`${standing ? '~' : '+'} connection ${local} -> ${remote} as ${alias}`, ...lines].join('\n');
};
