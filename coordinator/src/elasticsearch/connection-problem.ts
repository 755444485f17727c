import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { accessOf, changedAccess, explain, isConnectionFailure, statusOf } from './client.ts';
import { trustProblem } from './trust.ts';

/** Like `explain`, and where a certificate is the reason, it is named with its issuer. For calls that somebody waits for: it looks at the URLs again. */
export const connectionProblem = async (error: unknown, client: Client, tried: string): Promise<RemoraError> => {
  const access = accessOf(client);
  if (!access) throw new RemoraError('internal', 'A client was not opened by openClient.', { cause: error });
  const { name, urls, caPem, user } = access;
  const more = { hint: changedAccess(name), cause: error };
  if (statusOf(error) === 401)
    return new RemoraError(
      'cluster-credentials',
      `Cluster ${name} refused user "${user}" with this password (401).`,
      more,
    );
  const untrusted = isConnectionFailure(error)
    ? await Promise.all(urls.map(async (url) => ({ url, problem: await trustProblem(url, caPem) })))
    : [];
  for (const { url, problem } of untrusted) {
    if (!problem) continue;
    const against = caPem === null ? "the system's CAs" : 'the given CA';
    return new RemoraError(
      'cluster-untrusted',
      `${url} serves a certificate that is not trusted by ${against}: ${problem.subject}, issued by ${problem.issuer} (${problem.reason}).`,
      more,
    );
  }
  return explain(error, name, tried);
};
