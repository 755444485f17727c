import { RemoraError } from '@remora/shared/errors.ts';
import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import { proofOf } from '../plan/connection/connection-records.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { Services } from '../services.ts';
import type { Inventory } from '../store/inventory.ts';

export interface SecretServiceParts {
  readonly store: Pick<SecretStore, 'put' | 'list' | 'remove'>;
  readonly inventory: Inventory;
}

const nameOf = (reference: string): string => parseSecretReference(reference).name;

/** Who still needs a secret, in words; removing it would break them at the next change. */
const usersOf = async (
  { clusters, connections, cas, certificates, signingCertificates, webhooks, signingRequests, clouds }: Inventory,
  name: string,
): Promise<string[]> => {
  const [allClusters, allConnections, allCas, allCertificates, allWebhooks, allRequests, allClouds, signers] =
    await Promise.all([
      clusters.list(),
      connections.list(),
      cas.list(),
      certificates.list(),
      webhooks.list(),
      signingRequests.list(),
      clouds.list(),
      signingCertificates.list(),
    ]);
  const uses: readonly (readonly [string | null, string])[] = [
    ...allWebhooks.map((one) => [one.secret, `the webhook (\`remora notify set\`)`] as const),
    ...allClouds.flatMap((one) =>
      [one.apiKey, ...Object.values(one.keys ?? {})].map((secret) => [secret, `the cloud ${one.name}`] as const),
    ),
    ...allClusters.map((one) => [one.password, `the cluster ${one.name}`] as const),
    ...allConnections.map((one) => [proofOf(one).keySecret, `the connection ${one.local} ${one.alias}`] as const),
    ...allCas.map((one) => [one.key, `the CA ${one.name}`] as const),
    ...allRequests.map((one) => [one.key, `the signing request ${one.name}`] as const),
    ...signers.flatMap((one) =>
      [one.p12Secret, one.passwordSecret].map(
        (secret) => [secret, `the certificate with which ${one.node} signs for ${one.alias}`] as const,
      ),
    ),
    ...allCertificates.flatMap((one) =>
      [one.p12Secret, one.passwordSecret, one.key?.secret ?? null].map(
        (secret) => [secret, `the certificate of ${one.node}`] as const,
      ),
    ),
  ];
  return [...new Set(uses.filter(([secret]) => secret !== null && nameOf(secret) === name).map(([, user]) => user))];
};

/** Certificates whose keys are encrypted with a passphrase, in words. It is people's, who may set another version, but the next key needs one. */
const keysWith = async ({ certificates }: Inventory, name: string): Promise<string[]> =>
  (await certificates.list())
    .filter(({ key }) => key?.passphraseSecret != null && nameOf(key.passphraseSecret) === name)
    .map(({ node }) => `the certificate of ${node}`);

export const secretService = ({ store, inventory }: SecretServiceParts): Services['secrets'] => ({
  async set(name, value, actor) {
    const checked = nameOf(`secret:${name}`);
    const users = await usersOf(inventory, checked);
    if (users.length > 0) {
      throw new RemoraError(
        'conflict',
        `The secret "${checked}" is kept for ${users.join(', ')}, which would go on with the value that it has.`,
        {
          hint: "A cluster's password is changed by `remora clusters add` with the new one; the others are Remora's own.",
        },
      );
    }
    await store.put(checked, value, actor);
  },
  list: async () => (await store.list()).map(({ name }) => name),
  async remove(name, actor) {
    const checked = nameOf(`secret:${name}`);
    const users = [...new Set([...(await usersOf(inventory, checked)), ...(await keysWith(inventory, checked))])];
    if (users.length > 0) {
      throw new RemoraError('conflict', `The secret "${checked}" is still used by ${users.join(', ')}.`, {
        hint: "Remove what uses it first. A cluster's password is changed by `remora clusters add` with the new one.",
      });
    }
    if (!(await store.remove(checked, actor))) {
      throw new RemoraError('not-found', `There is no secret "${checked}".`, { hint: 'See `remora secrets list`.' });
    }
  },
});
