import { JoinResponse } from '@remora/shared/protocol/enrol.ts';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';

/** agent.yml: what `join` found out and was told. Paths are absolute. */
const AgentConfig = Type.Object({
  name: Type.String(),
  cluster: Type.String(),
  storeId: Type.String(),
  /** https URLs of the coordinators, tried in turn. */
  coordinators: Type.Array(Type.String(), { minItems: 1 }),
  elasticsearch: Type.Object({
    home: Type.String(),
    configDir: Type.String(),
    /** elasticsearch.yml where it really is: pinned here, so that a symlink that is turned elsewhere later is noticed. */
    settingsFile: Type.String(),
    url: Type.String(),
    /** PEM file with the CA of the node's HTTP layer; absent: the system's. */
    ca: Type.Optional(Type.String()),
    /** Owner of new files; absent: the owner of elasticsearch.yml. */
    owner: Type.Optional(Type.Object({ uid: Type.Integer(), gid: Type.Integer() })),
  }),
  service: Type.Union([
    Type.Object({ systemd: Type.String() }),
    Type.Object({ start: Type.Array(Type.String()), stop: Type.Array(Type.String()) }),
  ]),
});
export type AgentConfig = Static<typeof AgentConfig>;

/** ledger.json, see ledger.ts. */
const EntryRecord = Type.Object({ reference: Type.String(), hmac: Type.String(), writtenAtMs: Type.Integer() });
const KeystoreLedger = Type.Object({
  /** Digest of the keystore file that `names` and `entries` describe; null before the first look. */
  digest: Type.Union([Type.String(), Type.Null()]),
  names: Type.Array(Type.String()),
  entries: Type.Record(Type.String(), EntryRecord),
});
const Ledger = Type.Object({
  keystore: KeystoreLedger,
  /** Real path -> the digest that was placed and the source that the coordinator gave for it. */
  files: Type.Record(
    Type.String(),
    Type.Object({ digest: Type.String(), source: Type.String(), placedAtMs: Type.Optional(Type.Integer()) }),
  ),
});
export type EntryRecord = Static<typeof EntryRecord>;
export type KeystoreLedger = Static<typeof KeystoreLedger>;
export type Ledger = Static<typeof Ledger>;

/** A seam, as shared/src/protocol/checks.ts: the build puts generated code in the place of this file. */
export const schemas = { isAgentConfig: AgentConfig, isLedger: Ledger, isJoinResponse: JoinResponse };

export const isAgentConfig = (value: unknown): value is AgentConfig => Check(AgentConfig, value);
export const isLedger = (value: unknown): value is Ledger => Check(Ledger, value);
export const isJoinResponse = (value: unknown): value is JoinResponse => Check(JoinResponse, value);
