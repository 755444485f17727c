/**
 * Every failure that a user can meet has a code here. The code is stable and scripts may match it; the sentence that goes with it is written where the
 * failure is noticed, since only that place knows what was tried, on which node, and what came back. The hint says what to do next.
 */
export interface ErrorKind {
  /** What the code means, for the table in docs/errors.md. */
  readonly meaning: string;
  /** What to do, used when the place that throws has nothing better to say. */
  readonly hint: string;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Exit code of the CLI: 1 failed, 64 bad input or refused before anything changed, 69 coordinator unreachable, 77 not allowed. */
  readonly exit: 1 | 64 | 69 | 77;
  /** Status of the HTTP API's `application/problem+json` answer. */
  readonly status: number;
}

const refused = (status: number, meaning: string, hint: string): ErrorKind => ({
  meaning,
  hint,
  retryable: false,
  exit: 64,
  status,
});
const failed = (meaning: string, hint: string, retryable = false): ErrorKind => ({
  meaning,
  hint,
  retryable,
  exit: 1,
  status: 500,
});

export const errorTable = {
  'bad-input': refused(400, 'A flag, name or value is not valid.', 'Correct the value that is named and try again.'),
  'not-found': refused(
    404,
    'The cluster, node, run or connection is not known.',
    'List what there is with the matching `list` command.',
  ),
  conflict: refused(
    409,
    'Something stands in the way: it is there already, others made it, or it is in use.',
    'Mend what the message names, then give the command again.',
  ),
  'not-confirmed': refused(
    409,
    'A change was asked for without a confirmation.',
    'Look at it with --check, then add --yes.',
  ),
  'outage-not-accepted': refused(
    409,
    'The plan makes something unavailable.',
    'Read the outages that the plan lists, then add --accept-outage.',
  ),
  'preflight-failed': refused(
    409,
    'A check before the change did not hold.',
    'Mend what the checks name and try again; nothing was changed.',
  ),
  'plan-newer': refused(
    409,
    'A plan was made by a newer release, which this one might misread.',
    'Update this coordinator, or make the plan again here.',
  ),
  'gate-closed': refused(
    409,
    'A safety gate was closed at once.',
    'The message says which gate and why; wait until it opens.',
  ),
  'agent-offline': refused(
    409,
    'A node has no connected agent.',
    'Start `remora agent run` on that node; `remora nodes list` shows which agents are online.',
  ),
  'agent-missing': refused(
    409,
    'A node of the cluster has no agent.',
    'Make a token with `remora tokens create` and run `remora agent join` on that node.',
  ),
  'wrong-node': refused(
    409,
    'An agent sits beside a node of another cluster, or beside another node than it says.',
    'Join the agent again with a token of the right cluster.',
  ),
  'cluster-unreachable': refused(
    502,
    'No URL of a cluster answered.',
    'Check the URLs, that Elasticsearch runs and that the coordinator may reach it.',
  ),
  'cluster-untrusted': refused(502, "A cluster's certificate is not trusted.", 'Give the CA that signed it with --ca.'),
  'cluster-credentials': refused(502, 'A cluster refused the user or password.', 'Check --user and --password-file.'),
  'cloud-unreachable': refused(
    502,
    'Elastic Cloud did not answer.',
    'Check the address of the cloud, and that the coordinator may reach it.',
  ),
  'cloud-refused': refused(502, 'Elastic Cloud answered with an error.', 'The message has what it answered.'),
  'plain-http': refused(
    400,
    'A plain http:// URL beyond loopback was given.',
    'Use https://, or add --allow-plain-http if the network in between is trusted.',
  ),
  'settings-file': refused(
    409,
    'elasticsearch.yml cannot be edited safely.',
    'Mend the place that the message names, by line and column.',
  ),
  'node-read-only': refused(
    409,
    "The node's configuration cannot be written.",
    'Mend what the message names: permissions, a mount, or the free space.',
  ),
  'keystore-password': refused(
    409,
    "The keystore's password is missing or wrong.",
    'Store it with `remora secrets set` under the name that the message gives.',
  ),
  'join-token': {
    ...refused(401, 'A join token is unknown, expired or used up.', 'Make a new one with `remora tokens create`.'),
    exit: 77,
  },
  'not-allowed': {
    ...refused(
      401,
      'The token is unknown or lacks the right.',
      'Give the right token with REMORA_TOKEN or REMORA_TOKEN_FILE.',
    ),
    exit: 77,
  },
  'coordinator-unreachable': {
    meaning: 'No coordinator answered.',
    hint: 'Check REMORA_URL and that the coordinator runs.',
    retryable: true,
    exit: 69,
    status: 503,
  },
  'coordinator-untrusted': {
    meaning: "The coordinator's certificate is not trusted.",
    hint: 'Set REMORA_CA to its fleet-ca.crt.',
    retryable: false,
    exit: 69,
    status: 502,
  },
  'store-unavailable': {
    meaning: 'Redis does not answer.',
    hint: "The coordinator's log says why; it goes on when Redis is back.",
    retryable: true,
    exit: 1,
    status: 503,
  },
  'data-directory': refused(500, 'The data directory cannot be used.', 'Mend what the message names.'),
  'store-replaced': refused(
    409,
    'The store was wiped, or is another one than before.',
    'Restore it from a back-up with `remora restore`.',
  ),
  'fence-stale': failed(
    'A run was taken over by another coordinator.',
    'Nothing is lost: the other coordinator goes on with it.',
    true,
  ),
  'plan-stale': refused(
    409,
    'What was observed changed since a plan was made, and it would be another one now.',
    'Look at what would be done now with --check, or give the command again.',
  ),
  'run-stopped': failed(
    'A run was stopped before its end because somebody asked for it.',
    'Go on with `remora runs resume`, or give the same command again: it goes on with what is missing.',
  ),
  'step-failed': failed(
    'A step of a run failed.',
    'Look at the run with `remora runs show`, mend the cause, and give the same command again: it goes on with what is missing.',
  ),
  'step-undone': failed(
    'A node did not come up with the change; the agent put the last good files back.',
    "Read the node's log that the message quotes, mend the cause, and give the same command again.",
  ),
  'step-contested': failed(
    'Somebody else changed what a step was changing.',
    'Find out who writes that file, then give the same command again.',
  ),
  'delivery-timeout': failed(
    'An agent did not answer within the limit.',
    'Check the agent on that node, then give the same command again: it goes on with what is missing.',
    true,
  ),
  'delivery-late': failed(
    'An agent got a restart after the moment for it was over, and did not begin it.',
    'Nothing is lost: the gates are looked at again and the restart is asked for anew.',
    true,
  ),
  'proof-failed': failed(
    'The connection could not be proven from every node.',
    'The proof names the node and the reason.',
  ),
  'elasticsearch-error': failed(
    'Elasticsearch answered with an error.',
    'Mend what its answer names, then give the same command again: it goes on with what is missing.',
  ),
  'protocol-violation': failed(
    'A peer sent something that the protocol does not allow.',
    'Check that both sides are of the same release.',
  ),
  internal: failed('A fault in Remora itself.', "The coordinator's log has the stack; please report it."),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

/** A failure with a code of the table; `message` is one or two sentences that say what was tried, where, and what came back. */
export class RemoraError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  /** Further findings of the same kind (each a sentence), for example all preflight checks that did not hold. */
  readonly findings: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; findings?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RemoraError';
    this.code = code;
    this.hint = options.hint ?? errorTable[code].hint;
    this.findings = options.findings ?? [];
  }

  get kind(): ErrorKind {
    return errorTable[this.code];
  }
}

/** Anything that was thrown, as a sentence. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Anything that was thrown, as a RemoraError; what is none becomes `internal`. */
export const asRemoraError = (error: unknown): RemoraError =>
  error instanceof RemoraError ? error : new RemoraError('internal', messageOf(error), { cause: error });
