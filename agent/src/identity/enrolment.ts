import { createPrivateKey, createPublicKey, createSign, type X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, errorTable, messageOf, RemoraError } from '@remora/shared/errors.ts';
import { type JoinRequest, type JoinResponse, type JoinToken, joinProof } from '@remora/shared/protocol/enrol.ts';
import { PROTOCOL_VERSION, paths } from '@remora/shared/protocol/limits.ts';
import { isJoinResponse } from '../checks.ts';
import { AGENT_VERSION } from '../version.ts';
import { admit, formatCas, parseCas, vouchedCas } from './fleet-cas.ts';

/** The two calls of enrolment, see shared/src/protocol/enrol.ts. */
const CALL_LIMIT_MS = 10_000;
/** A coordinator that is just being started again is waited for. */
const RETRY_FOR_MS = 10_000;
const MAX_ANSWER = 256 * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
}

const call = (url: URL, options: RequestOptions, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { agent: false, signal: AbortSignal.timeout(CALL_LIMIT_MS), ...options },
      (response: IncomingMessage) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER) response.destroy(new Error('the answer is too long'));
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const isTrustError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(String(error.code));

const reach = async (token: JoinToken, once: () => Promise<Answer>): Promise<Answer> => {
  const deadline = performance.now() + RETRY_FOR_MS;
  for (;;) {
    try {
      const answer = await once();
      if (answer.status < 500 || performance.now() > deadline) return answer;
    } catch (error) {
      if (isTrustError(error)) {
        throw new RemoraError(
          'coordinator-untrusted',
          `The coordinator at ${token.url} has a certificate that the fleet CA did not sign for that name: ${messageOf(error)}.`,
          {
            hint: 'Check --public-url of the coordinator: it has to be how this node reaches it.',
            cause: error,
          },
        );
      }
      if (performance.now() > deadline) {
        throw new RemoraError(
          'coordinator-unreachable',
          `No coordinator answers at ${token.url}: ${messageOf(error)}.`,
          {
            hint: 'Check that it runs and that this node may reach that address.',
            cause: error,
          },
        );
      }
    }
    await sleep(500);
  }
};

const problemOf = ({ status, text }: Answer, what: string): RemoraError => {
  try {
    const problem = JSON.parse(text) as { code?: string; detail?: string; title?: string; hint?: string };
    const code: ErrorCode =
      problem.code !== undefined && problem.code in errorTable ? (problem.code as ErrorCode) : 'internal';
    return new RemoraError(
      code,
      problem.detail ?? problem.title ?? `${what} answered ${status}.`,
      problem.hint ? { hint: problem.hint } : {},
    );
  } catch {
    return new RemoraError('coordinator-unreachable', `${what} answered ${status}, and not as a coordinator does.`, {
      hint: 'Check the address in the token: something else may answer there.',
    });
  }
};

/** The fleet CA, which counts only when it is the one that the token names; and those that it vouches for, while it is being rotated. PEM. */
const fetchCas = async (token: JoinToken): Promise<string> => {
  const url = new URL(paths.ca, token.url);
  // Without trust: the fingerprint in the token is the trust.
  const answer = await reach(token, () => call(url, { rejectUnauthorized: false }));
  if (answer.status !== 200) throw problemOf(answer, url.href);
  const cas = readCas(url, answer.text, (text) => vouchedCas(text, token.caFingerprint.toLowerCase()));
  if (cas.length > 0) return admitted(url, answer.text, cas, cas);
  throw new RemoraError(
    'coordinator-untrusted',
    `The coordinator at ${token.url} shows another fleet CA than the token names: this is another coordinator, or somebody in between.`,
    {
      hint: 'Make a new token at that coordinator, and check the address in it. One from before a rotation of the fleet CA counts until that has ended.',
    },
  );
};

const readCas = (url: URL, text: string, read: (text: string) => X509Certificate[]): X509Certificate[] => {
  try {
    if (parseCas(text).length === 0) throw new Error('it holds none');
    return read(text);
  } catch (error) {
    throw new RemoraError(
      'coordinator-untrusted',
      `${url.href} did not answer with a certificate: ${messageOf(error)}.`,
    );
  }
};

/** Enrols with a token and a private key (PEM); returns what the agent keeps. */
export const enrol = async (
  token: JoinToken,
  privateKeyPem: string,
  node: Pick<JoinRequest, 'name' | 'elasticsearch'>,
): Promise<{ fleetCas: string; response: JoinResponse }> => {
  const known = await fetchCas(token);
  const key = createPrivateKey(privateKeyPem);
  const publicKeyPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const proof = createSign('sha256').update(joinProof(token.id, node.name, publicKeyPem));
  const body: JoinRequest = {
    version: PROTOCOL_VERSION,
    tokenId: token.id,
    tokenSecret: token.secret,
    agentVersion: AGENT_VERSION,
    publicKeyPem,
    signature: proof.sign(key, 'base64'),
    ...node,
  };
  const url = new URL(paths.join, token.url);
  const headers = { 'content-type': 'application/json', accept: 'application/json, application/problem+json' };
  const answer = await reach(token, () => call(url, { method: 'POST', ca: known, headers }, JSON.stringify(body)));
  if (answer.status !== 200 && answer.status !== 201) throw problemOf(answer, url.href);
  const response: unknown = JSON.parse(answer.text);
  if (!isJoinResponse(response))
    throw new RemoraError('protocol-violation', `${url.href} answered with other fields than this agent knows.`);
  const { fleetCas: told = known } = response;
  return { fleetCas: admitted(url, told, readCas(url, told, parseCas), parseCas(known)), response };
};

/** Those that are to be trusted by who trusts `known`, PEM. Throws `coordinator-untrusted`. */
const admitted = (url: URL, text: string, came: readonly X509Certificate[], known: readonly X509Certificate[]) => {
  const found = admit(came, known, text);
  if ('cas' in found) return formatCas(found.cas);
  throw new RemoraError(
    'coordinator-untrusted',
    `The fleet CAs that ${url.href} answered with are not taken: ${found.why}.`,
    { hint: 'Make a new token at that coordinator: `remora fleet status` there shows the fleet CA and its end.' },
  );
};
