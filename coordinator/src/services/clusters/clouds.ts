import { X509Certificate } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import {
  CLOUD_URL,
  type CloudInput,
  type CloudView,
  checkCloudInput,
  cloudUrl,
  type DeploymentView,
} from '@remora/shared/model/clouds/cloud.ts';
import { cloudDeploymentName } from '@remora/shared/model/requests/trust-restrictions-request.ts';
import type { Clock } from '../../clock.ts';
import { openCloud } from '../../cloud/client.ts';
import { cloudRecord, openNamedCloud } from '../../cloud/open.ts';
import { type CloudRecord, cloudSecret } from '../../cloud/record.ts';
import type { ClusterRecord } from '../../plan/records.ts';
import type { DeploymentTrustRecord } from '../../plan/trust/deployment-trust.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';
import type { Services } from '../../services.ts';
import type { Collection } from '../../store/inventory.ts';

export interface CloudServiceParts {
  readonly clouds: Collection<CloudRecord>;
  readonly clusters: Pick<Collection<ClusterRecord>, 'list'>;
  readonly deploymentTrusts: Pick<Collection<DeploymentTrustRecord>, 'list'>;
  readonly secrets: Pick<SecretStore, 'get' | 'put' | 'remove'>;
  readonly clock: Clock;
  readonly change: Services['clouds']['change'];
}

const view = async (parts: CloudServiceParts, record: CloudRecord): Promise<CloudView> => {
  const { name, url, apiKey, addedAt } = record;
  try {
    const deployments = await (await openNamedCloud(parts, name)).deployments();
    const shown = deployments.map((one) => ({ id: one.id, name: one.name }));
    return { name, url, apiKey, addedAt, deployments: shown, error: null };
  } catch (error) {
    return { name, url, apiKey, addedAt, deployments: null, error: messageOf(error) };
  }
};

const checkCa = (caPem: string): void => {
  try {
    new X509Certificate(caPem);
  } catch {
    throw new RemoraError('bad-input', '--ca holds no certificate in PEM.');
  }
};

/** The cloud is asked with the key before either is kept. */
const add = async (parts: CloudServiceParts, name: string, input: CloudInput, actor: string): Promise<CloudView> => {
  checkCloudInput(name, input);
  if (input.caPem !== undefined) checkCa(input.caPem);
  const access = { name, url: cloudUrl(input.url ?? CLOUD_URL), caPem: input.caPem ?? null };
  await openCloud({ ...access, apiKey: input.apiKey }).deployments();
  const known = await parts.clouds.get(name);
  const apiKey = await parts.secrets.put(cloudSecret(name), input.apiKey);
  const record: CloudRecord = { ...access, apiKey, addedAt: known?.addedAt ?? parts.clock().toISOString() };
  const audit = { actor, target: name, detail: `${record.url}, ${apiKey}` };
  const isFiled = known
    ? await parts.clouds.change(name, ({ keys }) => ({ ...record, ...(keys === undefined ? {} : { keys }) }), {
        ...audit,
        action: 'cloud.update',
      })
    : await parts.clouds.add(name, record, { ...audit, action: 'cloud.add' });
  if (!isFiled)
    throw new RemoraError('conflict', `Somebody else just ${known ? 'removed the' : 'added a'} cloud "${name}".`, {
      hint: 'See `remora clouds list`, then give the command again if it is still needed.',
    });
  return view(parts, record);
};

/** `cluster.remote.ALIAS.credentials` */
const CREDENTIALS = /^cluster\.remote\.(.+)\.credentials$/;

const deployment = async (parts: CloudServiceParts, cloud: string, id: string): Promise<DeploymentView> => {
  const client = await openNamedCloud(parts, cloud);
  const found = await client.deployment(id);
  const [entries, { certificates, restriction }] = await Promise.all([client.keystore(found), client.authority(id)]);
  const { name, region, healthy, version, endpoint, clusterId, trust } = found;
  const trusting = (await parts.deploymentTrusts.list()).filter((one) => one.cloud === cloud && one.deployment === id);
  return {
    ...{ cloud, id: found.id, name, region, healthy, version, endpoint, clusterId, restriction },
    keys: entries.flatMap((entry) => CREDENTIALS.exec(entry)?.[1] ?? []),
    trusts: (trust.direct ?? []).map((one) => one.name),
    trustedBy: trusting.map(({ cluster }) => cluster),
    authorities: [...certificates],
  };
};

const refuseUsed = async ({ clusters, deploymentTrusts }: CloudServiceParts, name: string): Promise<void> => {
  const known = await clusters.list();
  const used = known.find(({ deployment }) => deployment?.cloud === name);
  if (used)
    throw new RemoraError('conflict', `Cluster ${used.name} is a deployment of cloud ${name}.`, {
      hint: `Remove it first with \`remora clusters remove ${used.name}\`.`,
    });
  // Of a cluster that was forgotten the record stays, and nobody is left to take it out.
  const trust = (await deploymentTrusts.list()).find(
    (one) => one.cloud === name && known.some((cluster) => cluster.name === one.cluster),
  );
  if (trust)
    throw new RemoraError(
      'conflict',
      `Cluster ${trust.cluster} trusts deployment ${trust.deployment} of cloud ${name}: without the cloud its trust restrictions could not be set any more.`,
      {
        hint: `Take it out first with \`remora trust-restrictions remove ${trust.cluster} --deployment ${cloudDeploymentName(trust)}\`.`,
      },
    );
};

export const cloudService = (parts: CloudServiceParts): Services['clouds'] => ({
  add: (name, input, actor) => add(parts, name, input, actor),
  list: async () => Promise.all((await parts.clouds.list()).map((record) => view(parts, record))),
  show: async (name) => view(parts, await cloudRecord(parts, name)),
  deployment: (name, id) => deployment(parts, name, id),
  change: parts.change,
  async remove(name, actor) {
    await cloudRecord(parts, name);
    await refuseUsed(parts, name);
    await parts.clouds.remove(name, { actor, action: 'cloud.remove', target: name });
    await parts.secrets.remove(cloudSecret(name));
  },
});
