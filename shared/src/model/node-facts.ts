import Type, { type Static } from 'typebox';
import { SeenCertificate } from './certificates/certificate.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A setting's value in elasticsearch.yml; null where the key stands without one. */
const YamlValue = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null(), Type.Array(Type.String())]);

const AgentFacts = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  /** The agent's clock in ms since 1970, to compare with the coordinator's. */
  clockMs: Type.Integer(),
  /** The highest fence that this agent has seen; 0 before the first. */
  fence: Type.Integer(),
  /** The delivery that the journal has open, if any. */
  openDelivery: Nullable(Type.String()),
  /** Free bytes where the agent keeps its journal. */
  freeBytes: Type.Integer(),
});

const HostFacts = Type.Object({
  hostname: Type.String(),
  /** All addresses of the host but link-local ones; loopback only when there is nothing else. */
  addresses: Type.Array(Type.String()),
  /** The same for all agents of one host: two nodes of one host cannot share a port. */
  machineId: Type.String(),
});

/** The running process as the agent sees it; `identity` is `PID:STARTTICKS`, other after every restart. */
const ProcessFacts = Type.Object({
  running: Type.Boolean(),
  pid: Nullable(Type.Integer()),
  identity: Nullable(Type.String()),
  /** Start of the process in ms since 1970, on the agent's clock. */
  startedAtMs: Nullable(Type.Integer()),
});

const SettingsFileFacts = Type.Object({
  /** Where the file really is, symlinks followed. */
  path: Type.String(),
  /** SHA-256 of its bytes, null when it cannot be read. */
  digest: Nullable(Type.String()),
  modifiedAtMs: Nullable(Type.Integer()),
  /** The asked-for settings, flattened; secrets are never among them. */
  values: Type.Record(Type.String(), YamlValue),
  /** Why it cannot be edited safely, as a sentence with line and column; null when it can. */
  refusal: Nullable(Type.String()),
});

const KeystoreEntryFacts = Type.Object({
  name: Type.String(),
  /** The secret's reference when this agent wrote the entry and the entry still has that value; null when somebody else wrote it. */
  reference: Nullable(Type.String()),
  /** When the agent wrote that value, ms since 1970 on its clock. */
  writtenAtMs: Nullable(Type.Integer()),
});

const KeystoreFacts = Type.Object({
  exists: Type.Boolean(),
  digest: Nullable(Type.String()),
  passwordProtected: Type.Boolean(),
  /** null when the keystore could not be read: `refusal` says why. */
  entries: Nullable(Type.Array(KeystoreEntryFacts)),
  refusal: Nullable(Type.String()),
});

const FileFacts = Type.Object({
  /** As asked for: relative to the configuration directory, or absolute. */
  path: Type.String(),
  digest: Nullable(Type.String()),
  /** When this agent placed exactly these bytes: the reference or name of the content that it was given. */
  source: Nullable(Type.String()),
  modifiedAtMs: Nullable(Type.Integer()),
  /** The certificates of a PEM file; empty for others. */
  certificates: Type.Array(SeenCertificate),
  /**
   * Of a PEM file that holds a private key: SHA-256 of its public half (SubjectPublicKeyInfo), to compare with a certificate's; null for one that cannot be read,
   * for example because it is encrypted. Absent where the file holds none, and when it was not asked for.
   */
  publicKeyDigest: Type.Optional(Nullable(Type.String())),
  /**
   * Of a YAML file with trust restrictions: the patterns of `trust.subject_name`; null for one that cannot be read as such. Absent for other files, when it was not asked
   * for, and from agents of older releases.
   */
  trustedNames: Type.Optional(Nullable(Type.Array(Type.String()))),
  /** Where the file really is, symlinks followed: two names may be of one file. Absent where there is none, and from agents of older releases. */
  realPath: Type.Optional(Type.String()),
});

/** What the agent of one node observes of files, keystore and process. */
export const NodeFacts = Type.Object({
  agent: AgentFacts,
  host: HostFacts,
  process: ProcessFacts,
  settingsFile: SettingsFileFacts,
  keystore: KeystoreFacts,
  files: Type.Array(FileFacts),
  /** Why the configuration directory cannot be written (read-only, owner, full disk), null when it can. */
  configDirRefusal: Nullable(Type.String()),
  configDir: Type.String(),
});
export type NodeFacts = Static<typeof NodeFacts>;
