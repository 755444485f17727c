import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { isMostlyOver } from '../certificates/certificate-life.ts';
import type { Finding } from '../node/agent-findings.ts';
import { nodeKey } from '../node/node-id.ts';
import type { CaRecord, SigningCertificateRecord } from '../records.ts';
import {
  elsewhereFindings,
  isSignerBehind,
  type PlacedSigner,
  placedSigner,
  placeFindings,
  replaceSigner,
} from '../signing/replaced-signer.ts';
import type { AnyStep } from '../steps.ts';
import type { RotateFacts } from './facts.ts';

/** A signing certificate that is to be replaced, with the CA that signed it. */
interface SignerRotation extends PlacedSigner {
  readonly ca: CaRecord | undefined;
}

/** Those that are meant, by node and alias, whenever they end. */
export const meantSigners = (
  { cluster, node }: { readonly cluster?: string | undefined; readonly node?: string | undefined },
  signers: readonly SigningCertificateRecord[],
): readonly SigningCertificateRecord[] => {
  const keyOf = (one: SigningCertificateRecord): string => `${nodeKey(one)}/${one.alias}`;
  return signers
    .filter((one) => (cluster ?? one.cluster) === one.cluster && (node ?? one.node) === one.node)
    .sort((a, b) => keyOf(a).localeCompare(keyOf(b), 'en', { numeric: true }));
};

const rotationOf = (record: SigningCertificateRecord, facts: RotateFacts): SignerRotation => ({
  ...placedSigner(record, facts.clusters),
  ca: facts.cas.find(({ name }) => name === record.ca),
});

const isDue = (one: SignerRotation, { expiring, due }: RotateRequest, now: string): boolean => {
  if (expiring === undefined && !due) return true;
  const endsSoon =
    expiring === undefined
      ? isMostlyOver(one.record, now)
      : Date.parse(one.record.facts.notAfter) <= Date.parse(now) + parseDuration(expiring);
  return endsSoon || isSignerBehind(one);
};

const caFindings = ({ record, ca }: SignerRotation, where: string, now: string): Finding[] => {
  if (ca === undefined)
    return [['conflict', `CA ${record.ca}, which signed ${where}, is not known any more: import it with its key.`]];
  if (ca.key === null)
    return [
      [
        'conflict',
        `The key of CA ${ca.name} is not here, so it cannot sign ${where}: import the CA with its key, or turn signatures off, then on with another --signing-ca.`,
      ],
    ];
  return ca.facts.notAfter <= now
    ? [
        [
          'conflict',
          `CA ${ca.name} ended at ${ca.facts.notAfter}: a certificate of it would be of no use. Turn signatures off, then on with another --signing-ca.`,
        ],
      ]
    : [];
};

const findingsOf = (one: SignerRotation, facts: RotateFacts, now: string): Finding[] => {
  const { record } = one;
  const where = `the certificate with which node ${record.node} (cluster ${record.cluster}) signs for ${record.alias}`;
  const elsewhere = elsewhereFindings(one);
  if (elsewhere.length > 0) return elsewhere;
  const placed = placeFindings(one, facts.unseen);
  return one.node === undefined ? placed : [...caFindings(one, where, now), ...placed];
};

const stepsOf = (one: SignerRotation, isFirst: boolean, facts: RotateFacts, request: RotateRequest): AnyStep[] => {
  const validity = request.validity === undefined ? {} : { validityMs: parseDuration(request.validity) };
  return replaceSigner(one, { ...validity, reason: 'its certificate is to be replaced' }, isFirst, facts);
};

/** What a rotation does for certificates with which nodes sign. */
export interface SignersPart {
  readonly steps: readonly AnyStep[];
  readonly clusters: readonly string[];
  readonly count: number;
  readonly warnings: readonly string[];
  /** What forbids it, where nothing can be left. */
  readonly findings: readonly Finding[];
}

/** Certificates that end soon because their CA does: new ones would end with it too. */
const isFutile = ({ ca, record }: SignerRotation, { expiring, due }: RotateRequest): boolean =>
  (expiring !== undefined || due === true) && ca !== undefined && ca.facts.notAfter <= record.facts.notAfter;

/** Plans new certificates in the place of those with which nodes sign, under their subjects and passwords; the first of each connection is proven before the others. */
export const signersPart = (request: RotateRequest, facts: RotateFacts, now: string): SignersPart => {
  const due = meantSigners(request, facts.signers)
    .map((record) => rotationOf(record, facts))
    .filter((one) => isDue(one, request, now));
  if (request.newPassword)
    return {
      ...{ steps: [], clusters: [], count: 0, findings: [] },
      warnings:
        due.length === 0
          ? []
          : [
              'Certificates with which nodes sign keep their passwords and are left: give the command without --new-password for them.',
            ],
    };
  const futile = due.filter((one) => isFutile(one, request) && !isSignerBehind(one));
  const wanted = due.filter((one) => !futile.includes(one));
  const findings = new Map(wanted.map((one) => [one, findingsOf(one, facts, now)]));
  const able = request.asFarAsPossible ? wanted.filter((one) => findings.get(one)?.length === 0) : wanted;
  const told = wanted.flatMap((one) => findings.get(one) ?? []);
  const isFirst = (one: SignerRotation): boolean =>
    able.find(({ record }) => record.cluster === one.record.cluster && record.alias === one.record.alias) === one;
  return {
    steps: able.flatMap((one) => stepsOf(one, isFirst(one), facts, request)),
    clusters: able.map(({ record }) => record.cluster),
    count: able.length,
    warnings: [
      ...(request.asFarAsPossible ? told.map(([, sentence]) => `It is left: ${sentence}`) : []),
      ...[...new Set(futile.map(({ record }) => record.ca))].map(
        (ca) =>
          `Certificates with which nodes sign end with their CA ${ca}, and new ones would too: they are left as they are.`,
      ),
    ],
    findings: request.asFarAsPossible ? [] : told,
  };
};
