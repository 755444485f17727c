import { parseAddress } from '@remora/shared/model/values/address.ts';
import { describeCertificate } from '../../../pki/describe.ts';
import { otherNamesOf } from '../../../plan/trust/other-names.ts';
import { letsIn } from '../../../plan/trust/trusted-names.ts';
import type { Executor } from '../../executor.ts';
import { ANSWER_LIMIT_MS, askUntil } from '../ask-until.ts';
import { waitForReload } from '../cluster/configured.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';
import { publishedAt, refuseAlone } from './verify-certificate.ts';

const PROBE_TIMEOUT_MS = 5000;

/**
 * Elasticsearch tells nowhere whom it lets in, and connections that are open stay open: what is proven is that the node shows a name that the patterns let in, and that its
 * cluster lists it.
 */
export const verifyTransportNameStep =
  (parts: StepParts): Executor<'transport-name.verify'> =>
  async (context, { cluster, node, patterns, reloads }) => {
    const waitedMs = reloads ? await waitForReload(parts, context, { cluster, node }) : 0;
    const address = await publishedAt(parts, context, { cluster, node, purpose: 'transport' });
    const input = { ...parseAddress(address), timeoutMs: PROBE_TIMEOUT_MS, tls: { judge: true } };
    let names: readonly string[] = [];
    const ask = async (): Promise<string | null> => {
      const { tcp, detail, tls } = await patientRead(
        { parts, context },
        { cluster, node },
        'probe',
        input,
        PROBE_TIMEOUT_MS * 3,
      );
      const der = tls?.chain[0]?.der;
      if (der === undefined) return tls?.error || `${tcp}: ${detail}`;
      names = otherNamesOf(describeCertificate(Buffer.from(der, 'base64')));
      return letsIn(patterns, names) ? null : `it has ${names.join(', ') || 'none'}`;
    };
    await askUntil(context, ANSWER_LIMIT_MS, ask, {
      sentence: (why) =>
        `The certificate on the transport port of node ${node} (cluster ${cluster}) has no name that ${patterns.join(', ')} lets in: ${why}.`,
      hint: `\`remora certs place --cluster ${cluster} --purpose transport --cloud-cluster ID --cloud-scope ID --ca NAME\` places certificates with such names.`,
    });
    await refuseAlone(parts, context, { cluster, node });
    return { names, waitedMs };
  };
