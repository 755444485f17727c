import type { CertificateList } from '@remora/shared/model/certificates/certificate-view.ts';
import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { observeCertificates } from '../../observe/certificates/observe-certificates.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import type { Change, Services } from '../../services.ts';
import type { FleetIdentity } from '../doctor/doctor-identity.ts';
import { certificateViews } from './certificate-views.ts';
import type { CertificateWatch } from './certificate-watch.ts';

/** Looks at every node that has an agent. */
export const lookAtCertificates = async (parts: ObserveParts): Promise<CertificateList> => {
  const [nodes, records, signers, cas, clusters] = await Promise.all([
    observeCertificates(parts),
    parts.inventory.certificates.list(),
    parts.inventory.signingCertificates.list(),
    parts.inventory.cas.list(),
    parts.inventory.clusters.list(),
  ]);
  const clusterCas = clusters.flatMap(({ caPem }) => caPem ?? []);
  return certificateViews({ nodes, records, signers, cas, clusterCas, now: parts.clock() });
};

export interface CertificateParts {
  readonly watch: CertificateWatch;
  readonly nodes: Pick<ObserveParts['inventory']['nodes'], 'list'>;
  readonly identity: () => Pick<FleetIdentity, 'caEnds'>;
}

export const certificateService = (
  { watch, nodes, identity }: CertificateParts,
  changes: { readonly rotation: Change<RotateRequest>; readonly placement: Change<PlaceRequest> },
): Services['certificates'] => ({
  ...changes,
  list: async () => (await watch.look()).list,
  latest() {
    const look = watch.latest();
    return look && { certificates: look.list.certificates, ageMs: performance.now() - look.endedMs };
  },
  async fleet() {
    const agents = (await nodes.list()).flatMap(({ cluster, node, certificateLife: life }) =>
      life ? [{ cluster, node, notAfter: life.notAfter }] : [],
    );
    return { ca: identity().caEnds, agents };
  },
});
