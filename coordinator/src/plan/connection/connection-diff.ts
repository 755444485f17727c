import { type AnyConnectionRecord, isForeign } from './connection-records.ts';

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The record of a connection as it becomes: what is different of one that stands, the whole of a new one. */
export const connectionDiff = (standing: AnyConnectionRecord | undefined, wanted: AnyConnectionRecord): string => {
  const { local, alias, found: _, ...rest } = wanted;
  const { remote: __, ...fields } = { remote: '', ...rest };
  const remote = isForeign(wanted) ? wanted.foreign.name : wanted.remote;
  const known: Readonly<Record<string, unknown>> = { ...standing };
  const lines = Object.entries(fields).flatMap(([name, value]) => {
    const now = shown(value);
    const before = standing && shown(known[name]);
    if (before === now) return [];
    return [...(before === undefined ? [] : [`-   ${name}: ${before}`]), `+   ${name}: ${now}`];
  });
  return [`${standing ? '~' : '+'} connection ${local} -> ${remote} as ${alias}`, ...lines].join('\n');
};
