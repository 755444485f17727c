import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseClusterName } from '../values/names.ts';

/**
 * What `trust-restrictions set` asks for: nodes of the cluster let in those alone on their transport ports, and connect to those alone, whose certificates have a name
 * (`otherName`) that matches one of these patterns, and the nodes of the cluster itself.
 */
export const TrustRestrictionsRequest = Type.Object(
  {
    cluster: Type.String({ minLength: 1, maxLength: 1024 }),
    allow: Type.Array(Type.String({ minLength: 1, maxLength: 400 }), { minItems: 1, maxItems: 1000 }),
  },
  { additionalProperties: false },
);
export type TrustRestrictionsRequest = Static<typeof TrustRestrictionsRequest>;

/** What `trust-restrictions remove` asks for. */
export const TrustRestrictionsRemoval = Type.Object(
  { cluster: Type.String({ minLength: 1, maxLength: 1024 }) },
  { additionalProperties: false },
);
export type TrustRestrictionsRemoval = Static<typeof TrustRestrictionsRemoval>;

/** Elasticsearch also takes `\` and what begins with `/` as more than characters: neither stands in a name of a node. */
const PATTERN = /^[A-Za-z0-9._*?-]+$/;

/** Throws `bad-input` that names what is wrong. */
export const checkTrustRestrictionsRequest = ({ cluster, allow }: TrustRestrictionsRequest): void => {
  parseClusterName(cluster);
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

export const checkTrustRestrictionsRemoval = ({ cluster }: TrustRestrictionsRemoval): void => {
  parseClusterName(cluster);
};
