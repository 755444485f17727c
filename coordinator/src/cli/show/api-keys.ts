import { styleText } from 'node:util';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import { leftText } from './progress/left.ts';
import { type Column, table } from './table.ts';
import { counted, terminalWidth, wrap } from './text.ts';

const marks: Readonly<Record<KeyView['level'], string>> = { ok: ' ', warning: '!', critical: 'X' };
const colours = { ok: 'green', warning: 'yellow', critical: 'red' } as const;

const leftOf = ({ expiresAt, invalidated }: KeyView, now: number): string => {
  if (invalidated) return 'INVALIDATED';
  return expiresAt === null ? 'no end' : leftText(expiresAt, now);
};

const usedBy = ({ connections, managed, for: whom }: KeyView): string =>
  whom !== undefined
    ? `for ${whom}`
    : connections.length > 0
      ? connections.join(', ')
      : managed
        ? 'none'
        : "not Remora's";

const LEFT_CELLS = 11;

/** How wide a terminal has to be for the id, by which a key is called elsewhere. */
const WIDE = 120;

const columns = (now: number, width: number): Column<KeyView>[] => [
  ['  LEFT', (key) => `${marks[key.level]} ${leftOf(key, now).padEnd(LEFT_CELLS)}`],
  ['CLUSTER', ({ cluster }) => cluster],
  ['USED BY', usedBy],
  ['GRANTS', ({ access }) => access],
  ['MADE', ({ createdAt }) => createdAt.slice(0, 10)],
  ['OWNER', ({ owner }) => owner],
  ...(width < WIDE ? [] : ([['ID', ({ id }) => id]] satisfies Column<KeyView>[])),
  ['NAME', ({ name }) => name],
];

const painted = (level: KeyView['level'], text: string): string =>
  styleText(colours[level], text, { stream: process.stdout });

const findingLines = (keys: readonly KeyView[]): string[] => {
  const lines = (['critical', 'warning'] as const).flatMap((level) =>
    keys
      .filter((key) => key.level === level)
      .flatMap((key) =>
        key.findings.map(
          (text) => painted(level, marks[level]) + wrap(`${key.cluster} ${key.name}: ${text}`, '  ').slice(1),
        ),
      ),
  );
  return lines.length === 0 ? [] : [`To look at\n${lines.join('\n')}`];
};

/** Keys with what is wrong with them; those that are invalidated come last. `of` is how many there are in all. */
export const keysTable = (shown: readonly KeyView[], of: number, now = Date.now()): string => {
  if (of === 0) return 'No cluster that is known has a cross-cluster API key: `remora connect` makes one.';
  if (shown.length === 0) return `None of the ${of} API keys is meant by this.`;
  const width = terminalWidth();
  const living = shown.filter(({ invalidated }) => !invalidated).length;
  return [
    `${counted(shown.length, 'API key')}, ${living} of them valid`,
    table(shown, columns(now, width), '', {
      width,
      paint: ({ level }, line) => (level === 'ok' ? line : painted(level, line)),
    }),
    ...findingLines(shown),
  ].join('\n\n');
};
