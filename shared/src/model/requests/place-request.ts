import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { cloudNodeName } from '../clouds/cloud-name.ts';
import { isHostName, isIp } from '../values/address.ts';
import { parseValidity } from '../values/duration.ts';
import { parseCaName, parseClusterName, parseNodeName } from '../values/names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });

/** Ports for which `certs place` places certificates: what serves already, and shall serve another one. `connect` turns the remote cluster server on. */
export const placedPurposes = ['remote_cluster_server', 'transport', 'http'] as const;
export type PlacedPurpose = (typeof placedPurposes)[number];

/** What the files on a node are. `pem` replaces the PEM files that elasticsearch.yml names, and is refused where it names none. */
export const placedFormats = ['pkcs12', 'pem'] as const;
export type PlacedFormat = (typeof placedFormats)[number];

/** What `certs place` asks for: every node of a cluster, or one of them, serves a certificate of this CA on the port of the purpose. */
export const PlaceRequest = Type.Object(
  {
    cluster: Text,
    node: Type.Optional(Text),
    purpose: Type.Enum([...placedPurposes]),
    /** Name of a CA of the inventory that can sign. */
    ca: Text,
    /**
     * Ids of certificates that were signed elsewhere, as `certs requests` lists them, which are placed on the nodes after which they are called; empty for the newest of
     * each node. Absent: the CA signs others.
     */
    given: Type.Optional(Type.Array(Text, { maxItems: 1000 })),
    /** Names and addresses that every certificate covers beside those of its node. */
    sans: Type.Optional(Type.Array(Text, { maxItems: 50 })),
    /**
     * Each certificate names its node by the pattern of Elastic Cloud too, as an `otherName`, which trust restrictions look for. Absent: as those that they replace.
     */
    cloud: Type.Optional(Type.Object({ cluster: Text, scope: Text }, { additionalProperties: false })),
    /** As PKCS#12 or as PEM; absent: as the port of each node has it. */
    format: Type.Optional(Type.Enum([...placedFormats])),
    /** How long they are valid, a duration like `90d`; absent: as long as those that they replace, or 365 days. */
    validity: Type.Optional(Text),
  },
  { additionalProperties: false },
);
export type PlaceRequest = Static<typeof PlaceRequest>;

const checkCloud = (
  cloud: NonNullable<PlaceRequest['cloud']>,
  purpose: PlaceRequest['purpose'],
  isGiven: boolean,
): void => {
  cloudNodeName('node', cloud);
  if (purpose !== 'transport')
    throw new RemoraError('bad-input', '--cloud-cluster is for --purpose transport: other ports know no such names.');
  if (isGiven)
    throw new RemoraError(
      'bad-input',
      '--cloud-cluster is for certificates that are made: those that are given are as they are.',
    );
};

/** Throws `bad-input` that names what is wrong. */
export const checkPlaceRequest = ({
  cluster,
  node,
  ca,
  sans = [],
  validity,
  given,
  cloud,
  purpose,
}: PlaceRequest): void => {
  parseClusterName(cluster);
  if (node !== undefined) parseNodeName(node);
  parseCaName(ca);
  if (validity !== undefined) parseValidity(validity, '--validity');
  if (given !== undefined && (validity !== undefined || sans.length > 0))
    throw new RemoraError(
      'bad-input',
      `${validity === undefined ? '--san' : '--validity'} is for certificates that are made: those that are given are as they are.`,
    );
  if (cloud !== undefined) checkCloud(cloud, purpose, given !== undefined);
  const wrong = sans.find((name) => !isIp(name) && !isHostName(name.replace(/^\*\./, '')));
  if (wrong !== undefined)
    throw new RemoraError('bad-input', `--san ${wrong}: that is neither a host name nor an IP address.`);
};
