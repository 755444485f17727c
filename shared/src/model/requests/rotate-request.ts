import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseDuration, parseValidity } from '../values/duration.ts';
import { parseClusterName, parseNodeName } from '../values/names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });

/** Which certificates `certs rotate` replaces: those of a cluster or of a node, those of them or of all that end within a time or are due, or all that Remora made. */
export const RotateRequest = Type.Object(
  {
    cluster: Type.Optional(Text),
    /** With a cluster where several have a node of this name. */
    node: Type.Optional(Text),
    /** A duration, like `30d`. */
    expiring: Type.Optional(Text),
    /** Those of which two thirds of their life are over. */
    due: Type.Optional(Type.Literal(true)),
    all: Type.Optional(Type.Literal(true)),
    /** Certificates that cannot be replaced now are left, with a warning each, as long as one can be; else they are a reason to refuse. */
    asFarAsPossible: Type.Optional(Type.Literal(true)),
    /** With new passwords of their PKCS#12 files too: that takes a restart of each node. */
    newPassword: Type.Optional(Type.Literal(true)),
    /** How long the new ones are valid, a duration like `90d` or `12h`; absent: as long as the ones that they replace. */
    validity: Type.Optional(Text),
  },
  { additionalProperties: false },
);
export type RotateRequest = Static<typeof RotateRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkRotateRequest = ({ cluster, node, expiring, due, all, validity }: RotateRequest): void => {
  if (cluster !== undefined) parseClusterName(cluster);
  if (node !== undefined) parseNodeName(node);
  if (expiring !== undefined) parseDuration(expiring);
  if (validity !== undefined) parseValidity(validity, '--validity');
  if (expiring !== undefined && due !== undefined) {
    throw new RemoraError('bad-input', 'Which certificates? --expiring and --due both say when they end.', {
      hint: 'Leave one of them out.',
    });
  }
  const some = cluster ?? node ?? expiring ?? due;
  if ((some === undefined) !== (all === undefined)) return;
  throw new RemoraError(
    'bad-input',
    some === undefined
      ? 'Which certificates? Nothing says which ones are to be replaced.'
      : 'Which certificates? --all leaves nothing to choose.',
    { hint: 'Give --cluster NAME, --node NAME, --due or --expiring TIME, or --all alone.' },
  );
};
