import { X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { parseNodeName } from '@remora/shared/model/values/names.ts';
import { type JoinRequest, type JoinResponse, joinProof } from '@remora/shared/protocol/enrol.ts';
import { PROTOCOL_VERSION } from '@remora/shared/protocol/limits.ts';
import { verifyProofOfPossession } from '../../pki/proof-of-possession.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import type { Inventory } from '../../store/inventory.ts';
import type { NodeRecord } from '../../store/records.ts';
import { fingerprintOf, lifeOf } from '../session/admission.ts';
import type { FoundNode, VerifyNode } from '../session/hello-check.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { WakeUps } from '../wake-ups.ts';
import type { IssueAgentCertificate } from './agent-certificates.ts';
import type { HeldToken, JoinTokens } from './join-tokens.ts';

export interface EnrolmentParts {
  readonly tokens: Pick<JoinTokens, 'hold' | 'spend'>;
  readonly inventory: Pick<Inventory, 'nodes'>;
  readonly registry: Pick<SessionRegistry, 'find'>;
  readonly wakeUps: Pick<WakeUps, 'toAll'>;
  /** `CLUSTER/NODE` of a registered certificate. */
  readonly nodeOf: (fingerprint: string) => Promise<string | null>;
  readonly issueAgentCertificate: IssueAgentCertificate;
  /** What agents are to trust, PEM, and what they say of each other. */
  readonly fleetCas: () => string;
  readonly verifyNode: VerifyNode | undefined;
  readonly storeId: string;
  readonly highestFence: () => Promise<number>;
  readonly publicUrls: readonly string[];
}

const checkRequest = (request: JoinRequest): string => {
  if (request.version !== PROTOCOL_VERSION) {
    throw new RemoraError(
      'bad-input',
      `The agent speaks protocol version ${request.version}, this coordinator ${PROTOCOL_VERSION}.`,
      { hint: 'Use an agent and a coordinator of the same release.' },
    );
  }
  const message = joinProof(request.tokenId, request.name, request.publicKeyPem);
  if (!verifyProofOfPossession({ publicKeyPem: request.publicKeyPem, message, signature: request.signature })) {
    throw new RemoraError('bad-input', 'The agent did not prove that it holds the private key of its public key.');
  }
  return parseNodeName(request.name);
};

/**
 * An agent may come again for its node, once the one that it replaces is stopped: after its data directory was lost, or its certificate ended. While that
 * is online nobody else gets its name, whatever the request says of itself: a join token alone must not take a live node over.
 */
const checkNameIsFree = async (known: NodeRecord | null, registry: EnrolmentParts['registry']): Promise<void> => {
  if (!known || !(await registry.find(known))) return;
  throw new RemoraError(
    'conflict',
    `The cluster "${known.cluster}" has a node "${known.node}" already: its agent is online, beside ${known.configDir}.`,
    {
      hint: `Stop that agent, or end its rights with \`remora nodes remove ${known.node} --cluster ${known.cluster}\`, and join again. If that is another node, two nodes of the cluster have one node.name.`,
    },
  );
};

const nodeRecord = (parts: {
  readonly request: JoinRequest;
  readonly cluster: string;
  readonly certificatePem: string;
  readonly issuer: string;
  readonly known: NodeRecord | null;
  readonly found: FoundNode | null;
}): NodeRecord => ({
  cluster: parts.cluster,
  node: parts.request.name,
  agentVersion: parts.request.agentVersion,
  certificateFingerprint: fingerprintOf(new X509Certificate(parts.certificatePem)),
  certificateLife: lifeOf(new X509Certificate(parts.certificatePem)),
  certificateIssuer: parts.issuer,
  joinedAt: new Date().toISOString(),
  lastSeen: null,
  running: parts.request.elasticsearch.pid !== null,
  configDir: parts.request.elasticsearch.configDir,
  nodeId: parts.found?.nodeId ?? parts.known?.nodeId ?? null,
  version: parts.found?.version ?? parts.known?.version ?? null,
});

/** The node as its cluster says; null when it is down, or when the cluster cannot be asked now. Then it is looked up once both answer. */
const look = async (verifyNode: VerifyNode, cluster: string, request: JoinRequest): Promise<FoundNode | null> => {
  const { nodeName, pid } = request.elasticsearch;
  if (pid === null) return null;
  try {
    return await verifyNode(cluster, { nodeName, pid });
  } catch (error) {
    if (error instanceof RemoraError && ['cluster-unreachable', 'elasticsearch-error'].includes(error.code))
      return null;
    throw error;
  }
};

/** Whether the answer to a lost join can be given again: the same certificate, while it is still the node's. */
const isStillJoined = async (token: HeldToken, id: string, nodeOf: EnrolmentParts['nodeOf']): Promise<boolean> =>
  token.joinedBefore !== null && (await nodeOf(fingerprintOf(new X509Certificate(token.joinedBefore)))) === id;

/**
 * Takes an agent in. Everything is checked before the token is spent. Throws `join-token`, `bad-input` (name, key, proof, version), `conflict` (a live agent
 * has that name) and what `verifyNode` throws, unless the cluster does not answer.
 */
export const enrolment = (parts: EnrolmentParts) => {
  const { tokens, inventory, registry, wakeUps, verifyNode } = parts;

  const admit = async (request: JoinRequest, token: HeldToken, id: string): Promise<string> => {
    const known = await inventory.nodes.get(id);
    await checkNameIsFree(known, registry);
    const found = verifyNode ? await look(verifyNode, token.cluster, request) : null;
    const { publicKeyPem } = request;
    const { certificatePem, issuer } = parts.issueAgentCertificate({ publicKeyPem, id });
    const record = nodeRecord({ request, cluster: token.cluster, certificatePem, issuer, known, found });
    const unverifiedName = verifyNode && !found ? request.elasticsearch.nodeName : null;
    await tokens.spend({ token, publicKeyPem, certificatePem, record, unverifiedName });
    if (known) await wakeUps.toAll({ kind: 'revoked', node: id, fingerprint: known.certificateFingerprint });
    return certificatePem;
  };

  return async (request: JoinRequest): Promise<JoinResponse> => {
    const token = await tokens.hold(request.tokenId, request.tokenSecret, request.publicKeyPem);
    const name = checkRequest(request);
    const id = nodeKey({ cluster: token.cluster, node: name });
    const again = (await isStillJoined(token, id, parts.nodeOf)) ? token.joinedBefore : null;
    const certificatePem = again ?? (await admit(request, token, id));
    const { storeId, publicUrls } = parts;
    const fence = await parts.highestFence();
    const told = { fleetCas: parts.fleetCas(), coordinators: [...publicUrls] };
    return { certificatePem, name, cluster: token.cluster, storeId, fence, ...told };
  };
};
