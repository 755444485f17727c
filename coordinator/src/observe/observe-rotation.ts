import type { RotateRequest } from '@remora/shared/model/rotate-request.ts';
import { chosenCertificates } from '../plan/rotate/chosen.ts';
import type { RotateFacts } from '../plan/rotate/facts.ts';
import { type ObserveParts, observeWhole } from './observe-nodes.ts';

/** Gathers everything that the planner of a rotation looks at. Changes nothing; throws `bad-input` where there is nothing to choose from. */
export const observeRotation = async (parts: ObserveParts, request: RotateRequest): Promise<RotateFacts> => {
  const [certificates, cas, connections, secretVersions] = await Promise.all([
    parts.inventory.certificates.list(),
    parts.inventory.cas.list(),
    parts.inventory.connections.list(),
    parts.secretVersions(),
  ]);
  const chosen = chosenCertificates(request, certificates, parts.clock().toISOString());
  const remotes = new Set(chosen.map(({ cluster }) => cluster));
  const locals = connections.filter(({ remote }) => remotes.has(remote)).map(({ local }) => local);
  const clusters = await Promise.all(
    [...new Set([...remotes, ...locals])].sort().map((cluster) => observeWhole(parts, cluster)),
  );
  return { clusters, certificates, cas, connections, secretVersions };
};
