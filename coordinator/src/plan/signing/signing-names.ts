import { nodeKey } from '../node/node-id.ts';
import { files, signingKeystore } from '../node/placed-files.ts';
import type { SigningCertificateRecord } from '../records.ts';
import type { SigningSettings } from './signing-issue.ts';

/** The keystore entry with the password of the file with which a node signs. */
export const passwordEntry = (alias: string): string => `cluster.remote.${alias}.signing.keystore.secure_password`;

/** What has a cluster sign what it asks over an alias. */
export const signSettings = (alias: string): SigningSettings => ({
  [`cluster.remote.${alias}.signing.keystore.path`]: signingKeystore(alias),
});

/** What has a cluster take signatures. */
export const signingTrust: SigningSettings = { 'cluster.remote.signing.certificate_authorities': files.signingCas };

/** The same settings, gone. */
export const withoutThem = (settings: SigningSettings): SigningSettings =>
  Object.fromEntries(Object.keys(settings).map((name) => [name, null]));

/** What gives a node another certificate in the place of one that was made elsewhere. */
export const otherSigner = ({
  cluster,
  remote,
  alias,
  ca,
}: Pick<SigningCertificateRecord, 'cluster' | 'remote' | 'alias' | 'ca'>): string =>
  `give another with \`remora connect ${cluster} ${remote} --alias ${alias} --signing-ca ${ca} --signing-files DIR\` and the other flags of the connection`;

/** Under which a signing certificate is on record. */
export const signerId = (record: Pick<SigningCertificateRecord, 'cluster' | 'node' | 'alias'>): string =>
  `${nodeKey(record)}/${record.alias}`;
