import { observeCertificates } from '../observe/observe-certificates.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import type { Services } from '../services.ts';
import { certificateViews } from './certificate-views.ts';

export const certificateService = (parts: ObserveParts): Services['certificates'] => ({
  async list() {
    const [nodes, records, cas] = await Promise.all([
      observeCertificates(parts),
      parts.inventory.certificates.list(),
      parts.inventory.cas.list(),
    ]);
    return certificateViews({ nodes, records, cas, now: parts.clock() });
  },
});
