import Type, { type Static, type TSchema } from 'typebox';
import { SeenCertificate } from './model/certificates/certificate.ts';
import { NodeFacts } from './model/node-facts.ts';

/**
 * The closed set of what an agent does. From this one map derive the messages, the agent's executor table and the coordinator's types: an operation
 * without an executor does not compile. `read` operations change nothing and may be repeated at will; `change` operations run only inside a
 * transaction with a journal (see agent/src/journal/).
 */

/**
 * A text that may be secret. At rest and in jobs it is `{ $secret: 'secret:NAME@VERSION' }`; the gateway puts the value in its place at the moment of
 * sending, of a list one value after another. An agent refuses one that was not resolved.
 */
export const SecretText = Type.Union([
  Type.String(),
  Type.Object({ $secret: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]) }),
]);
export type SecretText = Static<typeof SecretText>;

const SettingValue = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String())]);
const Digest = Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()]);

const InspectInput = Type.Object({
  /** Names of settings to read from elasticsearch.yml; a trailing `*` stands for any rest. Names of secrets are refused. */
  settings: Type.Array(Type.String(), { maxItems: 200 }),
  /** Files to describe, relative to the configuration directory or absolute. */
  files: Type.Array(Type.String(), { maxItems: 100 }),
  /** To list the entries of a protected keystore. */
  keystorePassword: Type.Optional(SecretText),
  /** False: the keystore is not looked at, which spares the start of a tool that takes a second. */
  keystore: Type.Optional(Type.Boolean()),
  /** Certificates come with their DER, and files with what tells whether a key fits, or whom trust restrictions let in: to judge them, and not only to show them. */
  judge: Type.Optional(Type.Boolean()),
});

const FilesInput = Type.Object({
  write: Type.Array(
    Type.Object({
      /** Relative to the configuration directory, without `..`. */
      path: Type.String({ minLength: 1, maxLength: 255 }),
      /** Base64 of the bytes. */
      content: SecretText,
      /** A name for the content that `inspect` gives back while the bytes are unchanged; the secret's reference where there is one. */
      source: Type.String(),
      /** Permissions for a new file, as in 0o640; an existing file keeps its own. */
      mode: Type.Integer({ minimum: 0, maximum: 0o777 }),
    }),
    { maxItems: 50 },
  ),
  remove: Type.Array(Type.String(), { maxItems: 50 }),
});

/** Deliveries that were carried out here, the newest first: looked at, or taken back, as one. */
const UndoInput = Type.Object({
  deliveries: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { minItems: 1, maxItems: 50 }),
  /** Password of a protected keystore. */
  keystorePassword: Type.Optional(SecretText),
});

const YamlValue = Type.Union([SettingValue, Type.Null()]);

/** What deliveries changed, and how it stands now. */
const BackupsResult = Type.Object({
  changes: Type.Array(
    Type.Object({
      kind: Type.Enum(['file', 'setting', 'entry']),
      /** Path relative to the configuration directory, name of the setting, name of the keystore entry. */
      name: Type.String(),
      /**
       * `ours`: as the deliveries left it. `back`: as it was before them. `foreign`: somebody changed it since. `lost`: as they left it, but what stood there
       * before is not kept any more, or cannot be read.
       */
      state: Type.Enum(['ours', 'back', 'foreign', 'lost']),
      /** Whether there was one before. */
      existed: Type.Boolean(),
      /** Of a setting: its value now and before; absent where it does not stand in the file, or where it may be secret. */
      now: Type.Optional(YamlValue),
      before: Type.Optional(YamlValue),
    }),
  ),
  /** Deliveries that the journal does not know: never carried out, or forgotten. */
  unknown: Type.Array(Type.String()),
});

const SettingsInput = Type.Object({
  set: Type.Record(Type.String(), SettingValue),
  remove: Type.Array(Type.String()),
  /** Digest of elasticsearch.yml when the plan was made; the step is refused when the file is another by now. Absent: not compared. */
  expectDigest: Type.Optional(Digest),
});

const KeystoreInput = Type.Object({
  set: Type.Array(
    Type.Object({ name: Type.String({ pattern: '^[A-Za-z0-9_.-]+$' }), value: SecretText, reference: Type.String() }),
    { maxItems: 50 },
  ),
  remove: Type.Array(Type.String(), { maxItems: 50 }),
  /** Password of a protected keystore. */
  password: Type.Optional(SecretText),
});

const ServiceInput = Type.Object({
  action: Type.Literal('restart'),
  /** How long the node may take until it answers HTTP, in ms. */
  startTimeoutMs: Type.Integer({ minimum: 1000 }),
  /** Identity of the process that is to be replaced; the restart is done when the identity is another. Absent: the one that runs at the beginning. */
  replaces: Type.Optional(Type.String()),
});

const ProbeInput = Type.Object({
  host: Type.String(),
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
  timeoutMs: Type.Integer({ minimum: 100, maximum: 60_000 }),
  /** Absent: TCP only. Else a TLS handshake that trusts exactly these PEM files (as elasticsearch.yml names them), or this PEM text. */
  tls: Type.Optional(
    Type.Object({
      certificateAuthorities: Type.Optional(Type.Array(Type.String())),
      caPem: Type.Optional(Type.String()),
      serverName: Type.Optional(Type.String()),
      /** Certificates come with their DER. */
      judge: Type.Optional(Type.Boolean()),
    }),
  ),
});

const ProbeResult = Type.Object({
  /** `refused` proves an open path with nobody listening yet; `timeout` is what a firewall that drops looks like. */
  tcp: Type.Enum(['open', 'refused', 'timeout', 'unreachable', 'unknown-host']),
  detail: Type.String(),
  tls: Type.Optional(
    Type.Object({
      trusted: Type.Boolean(),
      /** Why not trusted; empty when trusted. */
      error: Type.String(),
      chain: Type.Array(SeenCertificate),
    }),
  ),
});

const PreviewResult = Type.Object({
  /** Digest of the file as it would be. */
  digest: Type.String(),
  /** Unified diff with little context; values of secrets are masked, see agent/src/settings-file/masked-lines.ts. Empty when nothing changes. */
  diff: Type.String(),
});

const RequestInput = Type.Object({
  method: Type.Union([Type.Literal('GET'), Type.Literal('POST'), Type.Literal('HEAD')]),
  /** Path with query, one of the allow-list in `model/node-requests.ts`. */
  path: Type.String({ maxLength: 2000 }),
  body: Type.Optional(Type.Unknown()),
  user: Type.String(),
  /** Lives for this call only. */
  password: SecretText,
  timeoutMs: Type.Integer({ minimum: 100, maximum: 120_000 }),
});

const define = <I extends TSchema, R extends TSchema, E extends 'read' | 'change'>(effect: E, input: I, result: R) => ({
  effect,
  input,
  result,
});

export const operations = {
  /** Facts of this node: files, keystore, process, host. */
  inspect: define('read', InspectInput, NodeFacts),
  /** A TCP connection or TLS handshake from this node. */
  probe: define('read', ProbeInput, ProbeResult),
  /** What `settings` with the same input would make of elasticsearch.yml. */
  preview: define('read', SettingsInput, PreviewResult),
  /** One allow-listed call to this node's own Elasticsearch. */
  request: define('read', RequestInput, Type.Object({ status: Type.Integer(), body: Type.Unknown() })),
  /** What finished deliveries changed, and whether it could be taken back. */
  backups: define('read', UndoInput, BackupsResult),
  /** Places and removes files below the configuration directory. */
  files: define('change', FilesInput, Type.Object({ changed: Type.Array(Type.String()) })),
  /** Edits elasticsearch.yml. */
  settings: define('change', SettingsInput, Type.Object({ changed: Type.Array(Type.String()), digest: Type.String() })),
  /** Writes entries of the Elasticsearch keystore. */
  keystore: define('change', KeystoreInput, Type.Object({ changed: Type.Array(Type.String()), digest: Type.String() })),
  /** Takes finished deliveries back: files, settings and keystore entries one by one, but for those that somebody changed since. `left` names these. */
  undo: define(
    'change',
    UndoInput,
    Type.Object({ changed: Type.Array(Type.String()), left: Type.Array(Type.String()) }),
  ),
  /** Restarts the node and waits until it answers. */
  service: define(
    'change',
    ServiceInput,
    Type.Object({ identity: Type.String(), stopMs: Type.Integer(), startMs: Type.Integer() }),
  ),
} as const;

export type Operations = typeof operations;
export type OperationName = keyof Operations;
export type OperationInput<N extends OperationName> = Static<Operations[N]['input']>;
export type OperationResult<N extends OperationName> = Static<Operations[N]['result']>;
export type ReadOperation = { [N in OperationName]: Operations[N]['effect'] extends 'read' ? N : never }[OperationName];
export type ChangeOperation = Exclude<OperationName, ReadOperation>;

/** One operation with its input, as a delivery carries it. */
export type OperationCall<N extends OperationName = OperationName> = {
  [K in N]: { readonly name: K; readonly input: OperationInput<K> };
}[N];
