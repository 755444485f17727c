import { isOther } from '../connect-certificate/needed.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import { type AnyConnectionRecord, adoptedIn, isForeign } from '../connection/connection-records.ts';
import { foundIn, withFound, withoutAlias } from '../node/found-settings.ts';
import { nodeKey } from '../node/node-id.ts';
import type { CertificateRecord, RecordBefore } from '../records.ts';
import { signerId } from '../signing/signing-names.ts';
import { standingSigners } from '../signing/signing-wish.ts';
import type { AnyStep } from '../steps.ts';
import { goneDeploymentHeirs, goneTrustHeirs } from './gone.ts';
import { leftNodes, neighbours, type Scope, servesByUs } from './scope.ts';
import { foreignKeystore } from './server.ts';
import { stageIds } from './stages.ts';

/** What is on record of nodes on which something stays goes over to another connection that needs it: the last of them puts it back. */
const heirs = (scope: Scope): AnyConnectionRecord[] => {
  const { facts, request } = scope;
  const { connection } = facts;
  const { local, remote } = neighbours(facts);
  const parts = [
    // One that is trusted by what others wrote never puts the rest back.
    ...(request.localGone ? [] : [{ heir: local.find((one) => !adoptedIn(one)?.trust), cluster: connection.local }]),
    ...(isForeign(connection) ? [] : [{ heir: remote[0], cluster: connection.remote }]),
  ];
  const changed = new Map<string, AnyConnectionRecord>();
  for (const { heir, cluster } of parts) {
    if (heir === undefined) continue;
    const key = `${heir.local}/${heir.alias}`;
    const { found, ...rest } = changed.get(key) ?? heir;
    changed.set(key, {
      ...rest,
      ...withFound(found, withoutAlias(foundIn(connection.found, cluster), connection.alias)),
    });
  }
  const standing = facts.connections
    .filter(isOther(connection))
    .map((one) => changed.get(`${one.local}/${one.alias}`) ?? one);
  for (const heir of goneTrustHeirs(scope, standing)) changed.set(`${heir.local}/${heir.alias}`, heir);
  return [...changed.values()].filter(
    (one) => !facts.connections.some((other) => JSON.stringify(other) === JSON.stringify(one)),
  );
};

const heirSteps = (scope: Scope): AnyStep[] =>
  heirs(scope).map((connection) => ({
    ...{ id: `record-${connection.local}.${connection.alias}`, kind: 'connection.record', target: 'coordinator' },
    ...{
      effect: 'none',
      reason: 'it takes over what is on record of the nodes as they were before Remora came',
      stage: stageIds.end,
    },
    diff: connectionDiff(connection, connection),
    input: { connection },
  }));

/** Certificates of servers that go, and of nodes that are no more; all of them with the last connection to a cluster that is gone. */
const goneCertificates = ({ request, facts, dropsServer }: Scope): CertificateRecord[] => {
  if (request.remoteGone) return neighbours(facts).remote.length === 0 ? [...facts.certificates] : [];
  if (!dropsServer) return [];
  const ours = servesByUs(facts);
  const stays = facts.remote.nodes.filter((node) => !ours.includes(node.name) || foreignKeystore(node) !== null);
  return facts.certificates.filter((record) => !stays.some(({ name }) => name === record.node));
};

/** What Remora keeps on record of the connection; of the server only where that goes. The CA stays. */
const forgotten = (scope: Scope): RecordBefore[] => {
  const { facts } = scope;
  return [
    ...facts.keys.map(({ record }): RecordBefore => ({ collection: 'apiKeys', id: record.secret, record: null })),
    ...goneCertificates(scope).map(
      (record): RecordBefore => ({
        ...{ collection: 'certificates', record: null },
        id: `${nodeKey(record)}/${record.purpose}`,
      }),
    ),
    ...standingSigners(facts, facts.connection).map(
      (record): RecordBefore => ({ collection: 'signingCertificates', id: signerId(record), record: null }),
    ),
    { collection: 'connections', id: `${facts.connection.local}/${facts.connection.alias}`, record: null },
  ];
};

const named: Readonly<Record<RecordBefore['collection'], string>> = {
  ...{ connections: 'connection', certificates: 'certificate', cas: 'CA', apiKeys: 'API key' },
  ...{ signingCertificates: 'signing certificate', deploymentTrusts: 'trust of a deployment' },
};

/** Last: until then all that is left is known to be ours. With nodes that were not seen the connection stays on record, for the same command to go on with. */
export const endSteps = (scope: Scope): AnyStep[] => {
  const left = leftNodes(scope);
  if (left.local.length + left.remote.length > 0) return [];
  const records = forgotten(scope);
  return [
    ...heirSteps(scope),
    ...goneDeploymentHeirs(scope),
    {
      ...{ id: 'forget-records', kind: 'inventory.put-back', target: 'coordinator', effect: 'none' },
      ...{ reason: 'nothing of the connection is left', stage: stageIds.end, input: { records } },
      diff: records.map(({ collection, id }) => `- ${named[collection]} ${id}`).join('\n'),
    },
  ];
};
