import type { DoctorLine } from '@remora/shared/model/inventory.ts';
import type { Register } from '../frame/register.ts';
import { doctorText } from '../show/doctor.ts';

/** Exits 1 when a check does not hold; one that was skipped does not fail for it. */
export const register: Register = (command, cli) => {
  command.action(async () => {
    const lines = await (await cli.client()).get<DoctorLine[]>('/doctor');
    cli.answer(lines, () => doctorText(lines));
    if (lines.some(({ ok }) => !ok)) cli.exit(1);
  });
};
