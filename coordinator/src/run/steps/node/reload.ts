import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import { adviceFor } from '../../../elasticsearch/advice.ts';
import type { Executor } from '../../executor.ts';
import type { StepParts } from '../parts.ts';
import { patientRead } from './patient-read.ts';

interface ReloadAnswer {
  readonly nodes?: Readonly<
    Record<
      string,
      { readonly name?: string; readonly reload_exception?: { readonly type?: string; readonly reason?: string } }
    >
  >;
}

const TIMEOUT_MS = 30_000;

/** Reloads one node's secure settings through its agent, and reads that node's own answer: the status is 200 even when the reload failed. */
export const reloadSecureSettingsStep =
  (parts: StepParts): Executor<'secure-settings.reload'> =>
  async (context, { cluster, node, keystorePassword }) => {
    const record = await parts.clients.record(cluster);
    const body = keystorePassword === null ? {} : { body: { secure_settings_password: { $secret: keystorePassword } } };
    const input: OperationInput<'request'> = {
      method: 'POST',
      path: '/_nodes/_local/reload_secure_settings',
      user: record.user,
      password: { $secret: record.password },
      timeoutMs: TIMEOUT_MS,
      ...body,
    };
    await context.checkFence();
    const answer = await patientRead({ parts, context }, { cluster, node }, 'request', input, TIMEOUT_MS * 2);
    const nodes = Object.values((answer.body as ReloadAnswer | null)?.nodes ?? {});
    const exception = nodes.find((one) => one.reload_exception)?.reload_exception;
    if (answer.status !== 200 || exception || nodes.length !== 1) {
      const why = exception
        ? `${exception.type}: ${exception.reason}`
        : `${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
      const hint = adviceFor(why);
      throw new RemoraError(
        'step-failed',
        `Node ${node} of cluster ${cluster} did not reload its secure settings: ${why}.`,
        hint === undefined ? {} : { hint },
      );
    }
    return null;
  };
