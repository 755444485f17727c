import type { ConnectionSetUp, ConnectionView } from '@remora/shared/model/inventory.ts';
import { observeCluster } from '../../elasticsearch/observe-cluster.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { settingsInForce } from '../../plan/connection/alias-place.ts';
import {
  type AnyConnectionRecord,
  casOf,
  isByCertificate,
  isForeign,
  proxyCaOf,
} from '../../plan/connection/connection-records.ts';

type AliasOnRecord = Parameters<typeof settingsInForce>[1];

/** What is on record of it; nothing of one that Remora does not manage. */
const recorded = (record: AnyConnectionRecord | undefined): Omit<ConnectionSetUp, 'settings'> => {
  if (record === undefined) return {};
  const isProxied = 'proxyCa' in record && record.proxyCa !== undefined;
  const cas = { cas: [...(isProxied ? proxyCaOf(record) : casOf(record))] };
  if (isForeign(record) || isByCertificate(record)) return cas;
  const { access, expires, metadata, adopted } = record;
  return {
    ...{ ...cas, access: { ...access }, expires },
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    ...(adopted === undefined ? {} : { byHand: { servers: adopted.server, trust: adopted.trust } }),
  };
};

/** Settings of the alias where it stands, with their prefix. */
const settingsOf = async (parts: ObserveParts, local: string, one: AliasOnRecord): Promise<Record<string, unknown>> => {
  const cluster = await observeCluster(local, await parts.clients.get(local));
  const settings = Object.entries(settingsInForce(cluster, one));
  return Object.fromEntries(settings.map(([name, value]) => [`cluster.remote.${one.alias}.${name}`, value]));
};

/** The same with how it is set up; without that of a cluster that does not answer, since the proof tells it already. */
export const withSetUp = async (parts: ObserveParts, view: ConnectionView): Promise<ConnectionView> => {
  const { local, alias } = view;
  const records = await parts.inventory.connections.list();
  const record = records.find((one) => one.local === local && one.alias === alias);
  try {
    const settings = await settingsOf(parts, local, record ?? { alias });
    return { ...view, setUp: { settings, ...recorded(record) } };
  } catch {
    return view;
  }
};
