import type { PlaceRequest } from '@remora/shared/model/place-request.ts';
import type { RotateRequest } from '@remora/shared/model/rotate-request.ts';
import { observeCertificates } from '../observe/observe-certificates.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import type { Change, Services } from '../services.ts';
import { certificateViews } from './certificate-views.ts';

export const certificateService = (
  parts: ObserveParts,
  changes: { readonly rotation: Change<RotateRequest>; readonly placement: Change<PlaceRequest> },
): Services['certificates'] => ({
  ...changes,
  async list() {
    const [nodes, records, cas, clusters] = await Promise.all([
      observeCertificates(parts),
      parts.inventory.certificates.list(),
      parts.inventory.cas.list(),
      parts.inventory.clusters.list(),
    ]);
    const clusterCas = clusters.flatMap(({ caPem }) => caPem ?? []);
    return certificateViews({ nodes, records, cas, clusterCas, now: parts.clock() });
  },
});
