import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseCaName } from '../values/names.ts';

const Name = Type.String({ minLength: 1, maxLength: 1024 });

/** Which CA another one takes the place of. */
export const CaRotateRequest = Type.Object(
  {
    ca: Name,
    /** A CA that is there already; absent: one that is made, or the one that a rotation which did not come to its end has begun with. */
    to: Type.Optional(Name),
    /**
     * Ids of certificates that this CA signed elsewhere, as `certs requests` lists them, for the nodes after which they are called; empty for the newest of each node.
     * Absent: it signs others.
     */
    given: Type.Optional(Type.Array(Name, { maxItems: 1000 })),
    /** Agents of nodes that connect may be away: these nodes are left until the agents are back. */
    waitOffline: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type CaRotateRequest = Static<typeof CaRotateRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkCaRotateRequest = ({ ca, to, given }: CaRotateRequest): void => {
  parseCaName(ca);
  if (to !== undefined) parseCaName(to);
  if (given !== undefined && to === undefined)
    throw new RemoraError('bad-input', '--files and --accepted need --to NAME: the CA that signed the certificates.');
};
