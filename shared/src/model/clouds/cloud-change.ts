import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseCaName, parseClusterName } from '../values/names.ts';

const Text = Type.String({ minLength: 1, maxLength: 255 });
const Names = Type.Array(Text, { minItems: 1, maxItems: 1000 });

/** Whom a deployment trusts besides: a self-managed cluster by its certificates, or with neither scope nor nodes what stands before one that takes API keys. */
export const WantedTrust = Type.Object(
  {
    /** Name of a CA of the inventory. */
    ca: Text,
    /** All nodes of this scope, of names by the pattern of Elastic Cloud, or of the clusters alone. */
    scope: Type.Optional(Text),
    clusters: Type.Optional(Names),
    /** Nodes with names of another form. */
    nodes: Type.Optional(Names),
  },
  { additionalProperties: false },
);
export type WantedTrust = Static<typeof WantedTrust>;

/** What is to change of a deployment. Null takes it out. */
export const CloudChangeRequest = Type.Object(
  {
    cloud: Text,
    deployment: Text,
    /** The key by which it connects to a remote cluster; `secret` is the name of the secret that holds it, encoded. */
    key: Type.Optional(
      Type.Object({ alias: Text, secret: Type.Union([Text, Type.Null()]) }, { additionalProperties: false }),
    ),
    trust: Type.Optional(
      Type.Object({ name: Text, wanted: Type.Union([WantedTrust, Type.Null()]) }, { additionalProperties: false }),
    ),
  },
  { additionalProperties: false },
);
export type CloudChangeRequest = Static<typeof CloudChangeRequest>;

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', message);
};

const checkTrust = ({ ca, scope, clusters, nodes }: WantedTrust): void => {
  parseCaName(ca);
  if (scope !== undefined && !/^[a-z0-9]{1,32}$/.test(scope))
    refuse(`--scope ${scope}: Elastic Cloud takes 1 to 32 lower-case letters and digits.`);
  if (clusters !== undefined && scope === undefined) refuse('--clusters are clusters of a scope: add --scope.');
  const wild = nodes?.find((name) => /[*?]/.test(name));
  if (wild !== undefined) refuse(`--nodes ${wild}: Elastic Cloud takes whole names there, without wildcards.`);
};

/** Throws `bad-input` that names what is wrong. */
export const checkCloudChangeRequest = ({ cloud, key, trust }: CloudChangeRequest): void => {
  parseClusterName(cloud);
  if (key === undefined && trust === undefined) refuse('Nothing is to change.');
  if (key !== undefined && !/^[a-z0-9_-]{1,100}$/.test(key.alias))
    refuse(`"${key.alias}" is not an alias of Elastic Cloud: lower-case letters, digits, "-" and "_" only.`);
  if (trust?.wanted) checkTrust(trust.wanted);
};
