import Type, { type Static } from 'typebox';
import { parseAlias, parseCaName, parseClusterName } from '../values/names.ts';

const Name = Type.String({ minLength: 1, maxLength: 1024 });

/** What `adopt` asks for: a connection that people made by hand is managed from then on, with all but its key as it is. */
export const AdoptRequest = Type.Object(
  {
    local: Name,
    alias: Name,
    /** The remote cluster; absent: the one that knows the key which the nodes use. */
    remote: Type.Optional(Name),
    /** Name of the CA that the remote cluster's certificates lead to; of one that is not filed yet, under which it is. */
    ca: Type.Optional(Name),
    /** The key that the nodes had is invalidated once every node has proven the new one. Absent: it stays, as others may use it. */
    revokeOld: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type AdoptRequest = Static<typeof AdoptRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkAdoptRequest = ({ local, alias, remote, ca }: AdoptRequest): void => {
  parseClusterName(local);
  parseAlias(alias);
  if (remote !== undefined) parseClusterName(remote);
  if (ca !== undefined) parseCaName(ca);
};
