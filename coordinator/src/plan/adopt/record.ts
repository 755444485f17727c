import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { isHandMadeServer } from '../connection/adopted.ts';
import { standingSettings } from '../connection/alias-place.ts';
import type { Access, Adopted, ConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { ClusterKey } from '../keys/cluster-key.ts';
import { ownMetadata } from '../keys/key-names.ts';
import { type Authority, isTrustedByBundle } from './authority.ts';
import type { AdoptionFacts } from './facts.ts';

const units = [
  ['d', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** A key's life as `--expires` takes it, in the largest unit of which it is a whole number; a part of a second is cut off. */
const lifeOf = ({ createdAtMs, expiresAtMs }: ClusterKey): string | null => {
  if (expiresAtMs === null) return null;
  const ms = Math.max(1000, expiresAtMs - createdAtMs);
  const whole = ms - (ms % 1000);
  const [unit, each] = units.find(([, one]) => whole % one === 0) ?? units[3];
  return `${whole / each}${unit}`;
};

type Entry = Readonly<Record<string, unknown>> & { readonly names: readonly string[] };

/** As people would have given it: Elasticsearch adds a default. */
const asGiven = ({ names, allow_restricted_indices: restricted, ...more }: Entry): Entry => ({
  ...{ names, ...more },
  ...(restricted === true ? { allow_restricted_indices: true } : {}),
});

const accessOf = ({ access: { search = [], replication = [] } }: ClusterKey): Access => ({
  ...(search.length === 0 ? {} : { search: search.map(asGiven) }),
  ...(replication.length === 0 ? {} : { replication: replication.map(asGiven) }),
});

/** What of it stays as people made it. */
const byHand = (facts: AdoptionFacts, ca: Authority): Omit<Adopted, 'key'> => ({
  server: facts.remote?.nodes.some((node) => isHandMadeServer(node, facts.certificates)) ?? false,
  trust: !isTrustedByBundle(facts, ca),
});

/**
 * A connection that was taken over, with what people made of it as that stands now: they may have replaced their CA, or given their files up. Where what is served is not
 * known all stays on record as it is.
 */
export const refreshed = (
  standing: ConnectionRecord,
  facts: AdoptionFacts,
  authorities: readonly Authority[],
): ConnectionRecord => {
  const { adopted } = standing;
  const recorded = facts.cas.find(({ name }) => name === standing.ca)?.facts.fingerprint256;
  const same = authorities.find((one) => one.facts.fingerprint256 === recorded);
  const ca = same ?? authorities[0];
  if (!adopted || !ca || facts.servers.some((server) => server.ca === null)) return standing;
  return { ...standing, ca: same ? standing.ca : ca.name, adopted: { key: adopted.key, ...byHand(facts, ca) } };
};

/** The connection as it stands, in the form in which `connect` would have filed it; its key is yet to be chosen. */
export const recordFor = (
  { local, alias }: AdoptRequest,
  facts: AdoptionFacts & { readonly remote: ClusterObservation },
  { key, ca }: { readonly key: ClusterKey; readonly ca: Authority },
): ConnectionRecord => {
  const settings = standingSettings(facts.local, alias);
  const metadata = ownMetadata(key.metadata);
  return {
    ...{ local, remote: facts.remote.name, alias, auth: 'api_key' },
    mode: settings.mode === 'proxy' ? 'proxy' : 'sniff',
    ca: ca.name,
    keySecret: '',
    ...{ access: accessOf(key), expires: lifeOf(key) },
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    // `connect` says the mode that people may have left out.
    settings: [...new Set([...Object.keys(settings), 'mode'])].sort(),
    adopted: { key: { id: key.id, name: key.name }, ...byHand(facts, ca) },
  };
};
