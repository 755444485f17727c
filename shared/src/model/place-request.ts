import Type, { type Static } from 'typebox';
import { RemoraError } from '../errors.ts';
import { isHostName, isIp } from './address.ts';
import { parseValidity } from './duration.ts';
import { parseCaName, parseClusterName, parseNodeName } from './names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });

/** Ports for which `certs place` places certificates; that of the remote cluster port is placed by `connect`. */
export const placedPurposes = ['transport', 'http'] as const;
export type PlacedPurpose = (typeof placedPurposes)[number];

/** What `certs place` asks for: every node of a cluster, or one of them, serves a certificate of this CA on the port of the purpose. */
export const PlaceRequest = Type.Object(
  {
    cluster: Text,
    node: Type.Optional(Text),
    purpose: Type.Enum([...placedPurposes]),
    /** Name of a CA of the inventory that can sign. */
    ca: Text,
    /** Names and addresses that every certificate covers beside those of its node. */
    sans: Type.Optional(Type.Array(Text, { maxItems: 50 })),
    /** How long they are valid, a duration like `90d`; absent: as long as those that they replace, or 365 days. */
    validity: Type.Optional(Text),
  },
  { additionalProperties: false },
);
export type PlaceRequest = Static<typeof PlaceRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkPlaceRequest = ({ cluster, node, ca, sans = [], validity }: PlaceRequest): void => {
  parseClusterName(cluster);
  if (node !== undefined) parseNodeName(node);
  parseCaName(ca);
  if (validity !== undefined) parseValidity(validity, '--validity');
  const wrong = sans.find((name) => !isIp(name) && !isHostName(name.replace(/^\*\./, '')));
  if (wrong !== undefined)
    throw new RemoraError('bad-input', `--san ${wrong}: that is neither a host name nor an IP address.`);
};
