import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseClusterName } from '../values/names.ts';

const ClusterName = Type.String({ minLength: 1, maxLength: 1024 });

/** A deployment of an organization in Elastic Cloud, by the name of the organization here. */
export const CloudDeployment = Type.Object(
  {
    cloud: Type.String({ minLength: 1, maxLength: 255 }),
    deployment: Type.String({ minLength: 1, maxLength: 255 }),
  },
  { additionalProperties: false },
);
export type CloudDeployment = Static<typeof CloudDeployment>;

/**
 * What `trust-restrictions set` asks for: nodes of the cluster let in those alone on their transport ports, and connect to those alone, whose certificates have a name
 * (`otherName`) that matches one of these patterns or is one of these deployments, and the nodes of the cluster itself. The CAs of the deployments are trusted then.
 */
export const TrustRestrictionsRequest = Type.Object(
  {
    cluster: ClusterName,
    allow: Type.Array(Type.String({ minLength: 1, maxLength: 400 }), { maxItems: 1000 }),
    deployments: Type.Optional(Type.Array(CloudDeployment, { minItems: 1, maxItems: 100 })),
  },
  { additionalProperties: false },
);
export type TrustRestrictionsRequest = Static<typeof TrustRestrictionsRequest>;

/** What `trust-restrictions remove` asks for: the restrictions go, or with a deployment that one alone is trusted no more. */
export const TrustRestrictionsRemoval = Type.Object(
  { cluster: ClusterName, deployment: Type.Optional(CloudDeployment) },
  { additionalProperties: false },
);
export type TrustRestrictionsRemoval = Static<typeof TrustRestrictionsRemoval>;

/** Elasticsearch also takes `\` and what begins with `/` as more than characters: neither stands in a name of a node. */
const PATTERN = /^[A-Za-z0-9._*?-]+$/;

/** As flags have it: `CLOUD/DEPLOYMENT`. Throws `bad-input`. */
export const parseCloudDeployment = (text: string): CloudDeployment => {
  const [cloud = '', deployment = '', ...more] = text.split('/');
  if (cloud === '' || deployment === '' || more.length > 0)
    throw new RemoraError('bad-input', `--deployment ${text}: write CLOUD/DEPLOYMENT.`, {
      hint: '`remora clouds list` has the names of clouds, `remora clouds show CLOUD` the ids of deployments.',
    });
  return { cloud, deployment };
};

/** The same the other way round. */
export const cloudDeploymentName = ({ cloud, deployment }: CloudDeployment): string => `${cloud}/${deployment}`;

/** Ids of deployments stand in addresses. */
const checkDeployment = ({ cloud, deployment }: CloudDeployment): void => {
  parseClusterName(cloud);
  if (!/^[A-Za-z0-9_-]+$/.test(deployment))
    throw new RemoraError('bad-input', `"${deployment}" is no id of a deployment.`);
};

/** Throws `bad-input` that names what is wrong. */
export const checkTrustRestrictionsRequest = (request: TrustRestrictionsRequest): void => {
  const { cluster, allow, deployments = [] } = request;
  parseClusterName(cluster);
  for (const one of deployments) checkDeployment(one);
  const named = deployments.map(cloudDeploymentName);
  const twice = named.find((name, index) => named.indexOf(name) < index);
  if (twice !== undefined) throw new RemoraError('bad-input', `--deployment ${twice} is given twice.`);
  if (allow.length + deployments.length === 0)
    throw new RemoraError('bad-input', 'Whom shall the nodes let in? Give --allow PATTERN or --deployment CLOUD/ID.');
  const wrong = allow.find((pattern) => !PATTERN.test(pattern));
  if (wrong !== undefined)
    throw new RemoraError(
      'bad-input',
      `--allow ${wrong}: a pattern has letters, digits, ".", "-" and "_", "*" for any characters, and "?" for one.`,
      { hint: 'Like "*.node.CLUSTER.cluster.SCOPE.account", in quotes, or the shell puts file names in its place.' },
    );
  const open = allow.find((pattern) => !/[A-Za-z0-9]/.test(pattern));
  if (open !== undefined)
    throw new RemoraError(
      'bad-input',
      `--allow ${open}: that lets everybody in whose certificate is of a trusted CA.`,
      { hint: 'Without restrictions it is so: `remora trust-restrictions remove` takes them out.' },
    );
};

export const checkTrustRestrictionsRemoval = ({ cluster, deployment }: TrustRestrictionsRemoval): void => {
  parseClusterName(cluster);
  if (deployment !== undefined) checkDeployment(deployment);
};
