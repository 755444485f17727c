import type { ConnectionSetUp, ConnectionView } from '@remora/shared/model/inventory.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { type AnyConnectionRecord, casOf, isByCertificate, isForeign } from '../../plan/records.ts';

/** What is on record of it; nothing of one that Remora does not manage. */
const recorded = (record: AnyConnectionRecord | undefined): Omit<ConnectionSetUp, 'settings'> => {
  if (record === undefined) return {};
  const cas = { cas: [...casOf(record)] };
  if (isForeign(record) || isByCertificate(record)) return cas;
  const { access, expires, metadata, adopted } = record;
  return {
    ...{ ...cas, access: { ...access }, expires },
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    ...(adopted === undefined ? {} : { byHand: { servers: adopted.server, trust: adopted.trust } }),
  };
};

const persistentOf = async ({ clients }: ObserveParts, local: string): Promise<Readonly<Record<string, unknown>>> => {
  const client = await clients.get(local);
  return (await client.cluster.getSettings({ flat_settings: true })).persistent ?? {};
};

/** The same with how it is set up; without that of a cluster that does not answer, since the proof tells it already. */
export const withSetUp = async (parts: ObserveParts, view: ConnectionView): Promise<ConnectionView> => {
  const { local, alias } = view;
  const records = await parts.inventory.connections.list();
  const record = records.find((one) => one.local === local && one.alias === alias);
  try {
    const settings = Object.fromEntries(
      Object.entries(await persistentOf(parts, local)).filter(([name]) => name.startsWith(`cluster.remote.${alias}.`)),
    );
    return { ...view, setUp: { settings, ...recorded(record) } };
  } catch {
    return view;
  }
};
