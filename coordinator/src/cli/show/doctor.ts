import { styleText } from 'node:util';
import { type DoctorLine, whySkipped } from '@remora/shared/model/inventory.ts';
import { wrap } from './text.ts';

const marks = { ok: 'green', skipped: 'yellow', FAILED: 'red' } as const;
const WIDTH = Math.max(...Object.keys(marks).map((mark) => mark.length));

const shown = (line: DoctorLine): string => {
  const why = whySkipped(line);
  const mark = why !== null ? 'skipped' : line.ok ? 'ok' : 'FAILED';
  const text = wrap(`${mark.padEnd(WIDTH)}  ${line.check}: ${why ?? line.detail}`, '');
  return styleText(marks[mark], mark, { stream: process.stdout }) + text.slice(mark.length);
};

/** A line for each check, with a mark in front: what was skipped is neither proven nor wrong. The marks are coloured on a terminal, unless NO_COLOR is set. */
export const doctorText = (lines: readonly DoctorLine[]): string => lines.map(shown).join('\n');
