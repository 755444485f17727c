import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCa } from '../../../../coordinator/src/pki/ca.ts';
import { issueCertificate } from '../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair } from '../../../../coordinator/src/pki/keys.ts';
import type { EsCluster } from '../../../elasticsearch/cluster.ts';
import type { Bed } from './bed.ts';

const CA = 'by-hand-ca.crt';
const YEAR_MS = 365 * 86_400_000;
const signerSubject = { commonName: 'by-hand' };

/** Where somebody signs by hand, each with files of its own: a setting that names another file is read at once. */
interface ByHand {
  readonly put: (cluster: EsCluster, settings: Readonly<Record<string, string | null>>) => Promise<void>;
  readonly signWith: (name: string, certificatePem: string, keyPem: string) => Promise<void>;
}

const onAll = ({ nodes }: EsCluster, file: string, content: string): void => {
  for (const { configDir } of nodes) writeFileSync(join(configDir, file), content);
};

const byHand = (eu: EsCluster, alias: string): ByHand => {
  const put: ByHand['put'] = async (cluster, persistent) =>
    void (await cluster.call('PUT', '/_cluster/settings', { persistent }));
  return {
    put,
    async signWith(name, certificatePem, keyPem) {
      onAll(eu, `${name}.crt`, certificatePem);
      onAll(eu, `${name}.key`, keyPem);
      const prefix = `cluster.remote.${alias}.signing`;
      await put(eu, {
        [`${prefix}.keystore.path`]: null,
        [`${prefix}.certificate`]: `${name}.crt`,
        [`${prefix}.key`]: `${name}.key`,
      });
    },
  };
};

/**
 * Has the nodes of `eu` send signatures that are refused, each for another reason, and answers what `told` finds after each. In the end all is as it was, but for what the
 * key demands.
 */
export const refusedSignatures = async <T>(
  { eu, us }: Bed,
  { alias, key }: { readonly alias: string; readonly key: string },
  told: () => Promise<T>,
): Promise<Record<string, T>> => {
  const { put, signWith } = byHand(eu, alias);
  const now = new Date();
  const ca = await createCa({ commonName: 'by hand', validityDays: 30, keyBits: 2048, now });
  const pair = await generateRsaKeyPair(2048);
  const issue = (at: Date): string =>
    issueCertificate({
      ...{ ca, publicKeyPem: pair.publicKeyPem, subject: signerSubject, sans: { dns: [], ip: [] }, usage: ['client'] },
      ...{ validityMs: 3_600_000, now: at },
    }).certificatePem;
  const other = await generateRsaKeyPair(2048);
  const demand = (identity: string) =>
    us.call('PUT', `/_security/cross_cluster/api_key/${key}`, { certificate_identity: identity });
  const answers: Record<string, T> = {};
  try {
    onAll(us, CA, ca.certificatePem);
    await put(us, { 'cluster.remote.signing.certificate_authorities': CA });
    await demand('CN=by-hand');
    await signWith('by-hand', issue(now), pair.privateKeyPem);
    answers.good = await told();
    await demand('CN=nobody');
    answers.subject = await told();
    await demand('CN=by-hand');
    await signWith('by-hand-ended', issue(new Date(now.getTime() - YEAR_MS)), pair.privateKeyPem);
    answers.ended = await told();
    await signWith('by-hand-strange', issue(now), other.privateKeyPem);
    answers.key = await told();
    await signWith('by-hand', issue(now), pair.privateKeyPem);
    await put(us, { 'cluster.remote.signing.certificate_authorities': null });
    answers.trust = await told();
  } finally {
    const prefix = `cluster.remote.${alias}.signing`;
    await put(us, { 'cluster.remote.signing.certificate_authorities': 'remora-signing-cas.crt' });
    await put(eu, {
      [`${prefix}.certificate`]: null,
      [`${prefix}.key`]: null,
      [`${prefix}.keystore.path`]: `remora-signing-${alias}.p12`,
    });
    for (const { configDir } of [...us.nodes, ...eu.nodes])
      for (const file of readdirSync(configDir)) if (file.startsWith('by-hand')) rmSync(join(configDir, file));
  }
  return answers;
};
