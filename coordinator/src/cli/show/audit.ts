import type { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import { table } from './table.ts';
import { wrap } from './text.ts';

export const auditTable = (entries: readonly AuditEntry[]): string =>
  table(
    entries,
    [
      ['SEQ', ({ seq }) => String(seq)],
      ['AT', ({ at }) => at],
      ['ACTOR', ({ actor }) => actor],
      ['ACTION', ({ action }) => action],
      ['TARGET', ({ target }) => target],
      ['OUTCOME', ({ outcome }) => outcome ?? ''],
      ['RUN', ({ runId }) => runId ?? ''],
      ['WHAT', ({ detail }) => detail ?? ''],
    ],
    'Nothing was recorded yet.',
  );

/** What was checked, and the first entry that does not fit. */
export const verdictText = ({ ok, entries, first, last, hash, problem }: AuditVerdict): string => {
  const range = first === null ? 'The log is empty' : `${entries} entries fit, from ${first} to ${last}`;
  if (ok) return hash === null ? `${range}.` : `${range}. The hash of the newest is ${hash}.`;
  return wrap(`The audit log does not hold at entry ${problem?.seq}: ${problem?.message}. ${range}.`, '');
};
