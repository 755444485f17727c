import { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import type { ScheduleArguments } from '@remora/shared/model/schedule.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import type { PlanDocument, StoredPlan } from '../../plan/steps.ts';
import type { Begun, LookParts } from '../../schedule/look.ts';
import type { ChangeRequest, Services } from '../../services.ts';
import { carryOut } from '../runs/carry-out.ts';
import { type ChangeParts, changeOf } from '../runs/changes.ts';
import { makePlan, type Wishes, type WorkflowName } from '../runs/workflows.ts';

/** What scheduled work acts with. */
export interface ScheduledParts extends ChangeParts {
  readonly certificates: Pick<Services['certificates'], 'list'>;
}

/** What a schedule can do. */
interface ScheduledWorkflow {
  /** Arguments that it takes. */
  readonly takes: readonly (keyof ScheduleArguments)[];
  readonly begin: (parts: ScheduledParts, given: ScheduleArguments, request: ChangeRequest) => Promise<Begun>;
  /** What it would do now; absent for one that changes nothing, and takes no options of a change. */
  readonly plan?: (parts: ScheduledParts, given: ScheduleArguments, options: ChangeOptions) => Promise<PlanDocument>;
}

/** What is kept and sent as a whole has to end somewhere. */
const MOST_FINDINGS = 200;

/** Thrown instead of filing a run of an empty plan, which would be one more a night that says nothing. */
class NothingToDo extends Error {
  readonly plan: StoredPlan;
  constructor(plan: StoredPlan) {
    super('nothing to do');
    this.plan = plan;
  }
}

/** Of an empty plan that warns somebody has to know: it could not look everywhere, or what is due cannot be done. */
const empty = ({ warnings }: StoredPlan): Begun =>
  warnings[0] === undefined
    ? { outcome: 'nothing-to-do', message: 'Nothing was to be done.', findings: [] }
    : { outcome: 'failed', message: warnings[0], findings: warnings.slice(1) };

/** Nobody is there at night to leave out the one node that cannot be done, and the others must not end for it. */
const rotation = ({ expiring, cluster, validity }: ScheduleArguments): RotateRequest => ({
  asFarAsPossible: true,
  ...(expiring === undefined ? { due: true } : { expiring }),
  ...(cluster === undefined ? {} : { cluster }),
  ...(validity === undefined ? {} : { validity }),
});

/** Nobody was there while its window was open. */
const refuseClosed = ({ clock }: ScheduledParts, { notAfter }: ChangeOptions): void => {
  if (notAfter !== undefined && clock().getTime() >= Date.parse(notAfter))
    throw new RemoraError('run-stopped', `Its window closed at ${notAfter}, before it was begun.`);
};

/** Makes the plan of a workflow at each fire and carries it out, where there is something to do. */
const rotating = <N extends WorkflowName>(
  workflow: N,
  wishOf: (given: ScheduleArguments) => Wishes[N],
): Pick<ScheduledWorkflow, 'begin' | 'plan'> => ({
  async begin(parts, given, request) {
    // Of a fire that is begun a second time the run is there already, and is not planned again.
    let warnings: readonly string[] = [];
    try {
      const run = await carryOut(parts, request, async () => {
        refuseClosed(parts, request.change);
        const plan = await makePlan(parts, workflow, wishOf(given), parts.newPlanId());
        if (plan.steps.length === 0) throw new NothingToDo(plan);
        warnings = plan.warnings.slice(0, MOST_FINDINGS);
        return plan;
      });
      return { runId: run.runId, warnings };
    } catch (error) {
      if (error instanceof NothingToDo) return empty(error.plan);
      throw error;
    }
  },
  plan: (parts, given, options) => changeOf(parts, workflow).plan(wishOf(given), options),
});

/** The connections of a local cluster where one is named. */
const keyRotation = ({ expiring, cluster, validity }: ScheduleArguments): KeyRotateRequest => ({
  asFarAsPossible: true,
  ...(expiring === undefined ? { due: true } : { expiring }),
  ...(cluster === undefined ? {} : { local: cluster }),
  ...(validity === undefined ? {} : { expires: validity }),
});

const REPORT_EXPIRING = '30d';
const sentencesOf = (view: CertificateView, before: number): string[] => {
  const where = `${view.cluster}/${view.node} ${view.purpose} (${view.subject})`;
  if (view.findings.length > 0) return view.findings.map((finding) => `${where}: ${finding}`);
  return Date.parse(view.notAfter) <= before ? [`${where}: It ends at ${view.notAfter}.`] : [];
};

const certsReport: ScheduledWorkflow = {
  takes: ['expiring', 'cluster'],
  async begin(parts, { expiring = REPORT_EXPIRING, cluster }, { change }) {
    refuseClosed(parts, change);
    const { certificates, clock } = parts;
    const { certificates: all, problems } = await certificates.list();
    const shown = all.filter((view) => cluster === undefined || view.cluster === cluster);
    const before = clock().getTime() + parseDuration(expiring);
    const found = shown.map((view) => sentencesOf(view, before)).filter((sentences) => sentences.length > 0);
    const sentences = [...problems, ...found.flat()];
    const more = sentences.length - MOST_FINDINGS;
    return {
      outcome: 'succeeded',
      isReport: true,
      message: `${found.length} of ${shown.length} certificates ${found.length === 1 ? 'needs' : 'need'} a look.`,
      findings: [...sentences.slice(0, MOST_FINDINGS), ...(more > 0 ? [`And ${more} more.`] : [])],
    };
  },
};

/** Everything that `--do` takes. */
const workflows: Readonly<Record<string, ScheduledWorkflow | 'later'>> = {
  'rotate-expiring': { takes: ['expiring', 'cluster', 'validity'], ...rotating('rotate-certificates', rotation) },
  'rotate-key': { takes: ['expiring', 'cluster', 'validity'], ...rotating('rotate-key', keyRotation) },
  'certs-report': certsReport,
  'drift-check': 'later',
};

/** The workflow of a name; throws `bad-input` for one that is not there, or not there yet. */
export const scheduledWorkflow = (name: string): ScheduledWorkflow => {
  const found = Object.hasOwn(workflows, name) ? workflows[name] : undefined;
  if (found === 'later')
    throw new RemoraError('bad-input', `\`--do ${name}\` is not supported yet: a later release brings it.`);
  if (found !== undefined) return found;
  const known = Object.keys(workflows).filter((one) => workflows[one] !== 'later');
  throw new RemoraError(
    'bad-input',
    `--do ${name}: a schedule does ${known.slice(0, -1).join(', ')} or ${known.at(-1)}.`,
  );
};

/** Carries out a fire: an ordinary run whose actor is the schedule, or what is done at once. */
export const beginScheduled =
  (parts: ScheduledParts): LookParts['begin'] =>
  (record, fire, untilMs) =>
    scheduledWorkflow(record.do).begin(parts, record.arguments, {
      ...{ actor: `schedule:${record.name}`, idempotencyKey: fire.key, planHash: null },
      change: {
        ...record.options,
        ...(Number.isFinite(untilMs) ? { notAfter: new Date(untilMs).toISOString() } : {}),
      },
    });
