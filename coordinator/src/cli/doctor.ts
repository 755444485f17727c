import type { DoctorLine } from '@remora/shared/model/inventory.ts';
import type { Register } from './frame/register.ts';
import { wrap } from './show/text.ts';

const doctorText = (lines: readonly DoctorLine[]): string =>
  lines.map(({ check, ok, detail }) => wrap(`${ok ? 'ok    ' : 'FAILED'}  ${check}: ${detail}`, '')).join('\n');

/** Exits 1 when a check does not hold. */
export const register: Register = (command, cli) => {
  command.action(async () => {
    const lines = await (await cli.client()).get<DoctorLine[]>('/doctor');
    cli.answer(lines, () => doctorText(lines));
    if (lines.some(({ ok }) => !ok)) cli.exit(1);
  });
};
