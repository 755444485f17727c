import { cloudRecord } from '../../../cloud/open.ts';
import { writtenKeys } from '../../../cloud/record.ts';
import { credentialEntry } from '../../../plan/keys/key-names.ts';
import type { DeploymentId } from '../../../plan/records.ts';
import type { StepParts } from '../parts.ts';

/** Aliases for which the keystore of a deployment has this key, by what Remora wrote there and what still stands there. */
export const aliasesWithKey = async (
  parts: StepParts,
  { cloud, id }: DeploymentId,
  secret: string,
  signal: AbortSignal,
): Promise<string[]> => {
  const client = await parts.cloud(cloud, signal);
  const entries = await client.keystore(await client.deployment(id));
  const written = writtenKeys(await cloudRecord(parts.inventory, cloud), id);
  return Object.entries(written).flatMap(([alias, reference]) =>
    reference === secret && entries.includes(credentialEntry(alias)) ? [alias] : [],
  );
};
