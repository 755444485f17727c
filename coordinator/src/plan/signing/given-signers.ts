import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import {
  choiceFindings,
  type GivenChoice,
  givenCertificate,
  missingFinding,
  type Signed,
} from '../certificates/given.ts';
import type { ConnectFacts, NodeObservation } from '../facts.ts';

/** Signing certificates that were made elsewhere, for the local nodes after which they are called. */

type Facts = Pick<ConnectFacts, 'local' | 'remote' | 'signed' | 'signers' | 'signerSubjects' | 'otherNodes'>;

const choiceOf = ({ local, signingCa, signingGiven }: ConnectRequest): GivenChoice | null =>
  signingGiven === undefined || signingCa === undefined
    ? null
    : { cluster: local, purpose: 'remote_signing', ca: signingCa, ids: signingGiven };

/** The one with which a node is to sign; undefined where none was given for it. */
export const givenSigner = (
  node: Pick<NodeObservation, 'name'>,
  request: ConnectRequest,
  facts: Pick<Facts, 'signed'>,
): Signed | undefined => {
  const choice = choiceOf(request);
  return choice === null ? undefined : givenCertificate(node, choice, facts);
};

/** Their subjects as Elasticsearch compares them, each once. */
export const givenSubjects = (
  request: ConnectRequest,
  facts: Pick<Facts, 'local' | 'signed' | 'signerSubjects'>,
): string[] => {
  const subjects = facts.local.nodes.flatMap((node) => {
    const given = givenSigner(node, request, facts);
    return facts.signerSubjects.get(given?.id ?? '') ?? [];
  });
  return [...new Set(subjects)].sort();
};

/** Whether a node has one of the same CA and subject from before: then it may keep that. */
const hasOne = (
  { name }: NodeObservation,
  request: ConnectRequest,
  facts: Facts,
  subjects: readonly string[],
): boolean =>
  facts.signers.some(
    ({ cluster, node, alias, ca, subject, given }) =>
      cluster === request.local &&
      node === name &&
      alias === request.alias &&
      ca === request.signingCa &&
      given !== undefined &&
      subjects.includes(subject),
  );

const dateProblem = (node: NodeObservation, { signed: { facts } }: Signed, cluster: string, now: string): string[] => {
  const where = `The signing certificate for node ${node.name} (cluster ${cluster})`;
  if (facts.notAfter <= now) return [`${where} ended at ${facts.notAfter}: nobody would take a signature of it.`];
  return facts.notBefore > now ? [`${where} begins at ${facts.notBefore} only.`] : [];
};

/** What is wrong with those that were given; sentences. */
export const givenSignerFindings = (request: ConnectRequest, facts: Facts, now: string): string[] => {
  const choice = choiceOf(request);
  if (choice === null) return [];
  const { local, remote } = facts;
  const subjects = givenSubjects(request, facts);
  // Of those that were accepted only the node's name is known: another cluster may have one of that name.
  const otherNodes = [
    ...facts.otherNodes.filter(({ cluster }) => cluster !== local.name),
    ...remote.nodes.map(({ name }) => ({ cluster: remote.name, node: name })),
  ];
  return [
    ...choiceFindings(local.nodes, choice, { signed: facts.signed, otherNodes }).map(([, sentence]) => sentence),
    ...local.nodes.flatMap((node) => {
      const given = givenSigner(node, request, facts);
      if (given !== undefined) return dateProblem(node, given, local.name, now);
      return hasOne(node, request, facts, subjects) ? [] : [missingFinding(node, choice)[1]];
    }),
  ];
};
