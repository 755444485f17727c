import Type, { type Static } from 'typebox';
import { RemoraError } from '../errors.ts';
import { parseDuration } from './duration.ts';
import { parseClusterName, parseNodeName } from './names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });

/** Which certificates `certs rotate` replaces: those of a cluster or of a node, those of them or of all that end within a time, or all that Remora made. */
export const RotateRequest = Type.Object(
  {
    cluster: Type.Optional(Text),
    /** With a cluster where several have a node of this name. */
    node: Type.Optional(Text),
    /** A duration, like `30d`. */
    expiring: Type.Optional(Text),
    all: Type.Optional(Type.Literal(true)),
    /** How long the new ones are valid, in days; absent: as long as the ones that they replace. */
    validityDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
  },
  { additionalProperties: false },
);
export type RotateRequest = Static<typeof RotateRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkRotateRequest = ({ cluster, node, expiring, all }: RotateRequest): void => {
  if (cluster !== undefined) parseClusterName(cluster);
  if (node !== undefined) parseNodeName(node);
  if (expiring !== undefined) parseDuration(expiring);
  const some = cluster ?? node ?? expiring;
  if ((some === undefined) !== (all === undefined)) return;
  throw new RemoraError(
    'bad-input',
    some === undefined
      ? 'Which certificates? Nothing says which ones are to be replaced.'
      : 'Which certificates? --all leaves nothing to choose.',
    { hint: 'Give --cluster NAME, --node NAME or --expiring TIME, or --all alone.' },
  );
};
