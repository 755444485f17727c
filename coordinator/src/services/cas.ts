import { RemoraError } from '@remora/shared/errors.ts';
import type { CaView } from '../http/schemas/ca-view.ts';
import type { Services } from '../services.ts';
import type { Inventory } from '../store/inventory.ts';

/** The CAs that sign the remote nodes' certificates; the fleet's own CA is not among them. */
export const caService = ({ cas, certificates, connections }: Inventory): Services['cas'] => ({
  async list() {
    const [all, issued, trusting] = await Promise.all([cas.list(), certificates.list(), connections.list()]);
    return all.map(
      ({ name, facts, key }): CaView => ({
        name,
        subject: facts.subject,
        notAfter: facts.notAfter,
        fingerprint256: facts.fingerprint256,
        hasKey: key !== null,
        usedBy: [
          ...issued.filter(({ ca }) => ca === name).map(({ cluster, node }) => `${cluster}/${node}`),
          ...trusting.filter(({ ca }) => ca === name).map(({ local, alias }) => `${local} ${alias}`),
        ],
      }),
    );
  },
  async export(name) {
    const ca = await cas.get(name);
    if (ca) return ca.certificatePem;
    throw new RemoraError('not-found', `There is no CA "${name}".`, { hint: 'See `remora ca list`.' });
  },
});
