import Type, { type Static } from 'typebox';
import { parseCaName } from './names.ts';

const Name = Type.String({ minLength: 1, maxLength: 1024 });

/** Which CA another one takes the place of. */
export const CaRotateRequest = Type.Object(
  {
    ca: Name,
    /** A CA that is there already; absent: one that is made, or the one that a rotation which did not come to its end has begun with. */
    to: Type.Optional(Name),
    /** Agents of nodes that connect may be away: these nodes are left until the agents are back. */
    waitOffline: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type CaRotateRequest = Static<typeof CaRotateRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkCaRotateRequest = ({ ca, to }: CaRotateRequest): void => {
  parseCaName(ca);
  if (to !== undefined) parseCaName(to);
};
