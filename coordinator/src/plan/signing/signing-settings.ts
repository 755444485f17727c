import type { Crossing } from '../connection/crossing.ts';
import type { AnyStep } from '../steps.ts';
import type { SigningSettings } from './signing-issue.ts';

interface Parts {
  readonly id: string;
  readonly cluster: string;
  readonly persistent: SigningSettings;
  readonly before: SigningSettings;
  readonly crossing?: Crossing | null;
  readonly reason: string;
  readonly stage: string;
}

/** The step that writes settings of signatures. */
export const signingSettingsStep = ({
  id,
  cluster,
  persistent,
  before,
  crossing = null,
  reason,
  stage,
}: Parts): AnyStep => ({
  ...{ id, kind: 'signing-settings.put', target: cluster, effect: 'api', reason, stage },
  diff: Object.entries(persistent)
    .map(([name, value]) => (value === null ? `- ${name}: ${before[name] ?? ''}` : `+ ${name}: ${value}`))
    .join('\n'),
  input: { cluster, persistent, before, crossing },
});
