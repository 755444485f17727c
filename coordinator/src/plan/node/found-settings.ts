import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { FoundSetting, FoundSettings } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { fileSetting } from './nodes.ts';

/**
 * What elasticsearch.yml of nodes had when Remora came, of the settings that `connect` changed: `disconnect` puts it back. It is on record since it cannot be told later: a
 * remote cluster server may have been there before, with a certificate that Remora only replaced, and so may a port. Agents keep what they changed for 30 days only.
 */
export type FoundByNode = ReadonlyMap<string, Readonly<Record<string, FoundSetting>>>;

/** By `CLUSTER/NODE`. */
export const foundByNode = (found: readonly FoundSettings[]): FoundByNode =>
  new Map(found.flatMap(({ nodes, settings }) => nodes.map((node) => [node, settings] as const)));

/** What is on record of one node, `CLUSTER/NODE`. */
export const foundOf = (
  found: readonly FoundSettings[] | undefined,
  node: string,
): Readonly<Record<string, FoundSetting>> => foundByNode(found ?? []).get(node) ?? {};

/** What was seen first is what stood there before; what Remora makes of it may become something else. */
const merged = (
  first: Readonly<Record<string, FoundSetting>>,
  then: Readonly<Record<string, FoundSetting>>,
): Record<string, FoundSetting> =>
  Object.fromEntries(
    [...new Set([...Object.keys(first), ...Object.keys(then)])].sort().flatMap((name) => {
      const [was, is] = [first[name], then[name]];
      const made = is ?? was;
      return made === undefined ? [] : [[name, { before: (was ?? made).before, made: made.made }]];
    }),
  );

const grouped = (found: FoundByNode): FoundSettings[] => {
  const groups = Map.groupBy(
    [...found].filter(([, settings]) => Object.keys(settings).length > 0).sort(([a], [b]) => (a < b ? -1 : 1)),
    ([, settings]) => JSON.stringify(settings),
  );
  return [...groups.values()].flatMap((group) => {
    const settings = group[0]?.[1];
    return settings === undefined ? [] : [{ nodes: group.map(([node]) => node), settings }];
  });
};

/** The part of a record that holds it, with what was found since; nothing where there is nothing to tell. */
export const withFound = (
  standing: readonly FoundSettings[] | undefined,
  since: FoundByNode,
): { readonly found?: readonly FoundSettings[] } => {
  const known = foundByNode(standing ?? []);
  const all = new Map(
    [...new Set([...known.keys(), ...since.keys()])].map((node) => [
      node,
      merged(known.get(node) ?? {}, since.get(node) ?? {}),
    ]),
  );
  const found = grouped(all);
  return found.length === 0 ? {} : { found };
};

/** Of what is on record the part of one cluster's nodes. */
export const foundIn = (found: readonly FoundSettings[] | undefined, cluster: string): FoundByNode =>
  new Map([...foundByNode(found ?? [])].filter(([node]) => node.startsWith(`${cluster}/`)));

/** The same without the lines of an alias, which is no other connection's. */
export const withoutAlias = (found: FoundByNode, alias: string): FoundByNode =>
  new Map(
    [...found].map(([node, settings]) => [
      node,
      Object.fromEntries(Object.entries(settings).filter(([name]) => !name.startsWith(`cluster.remote.${alias}.`))),
    ]),
  );

/** Settings that become others, with what stood there. */
export const changedSettings = (
  node: NodeObservation,
  wanted: Readonly<Record<string, SettingValue>>,
): Readonly<Record<string, FoundSetting>> =>
  Object.fromEntries(
    Object.entries(wanted).flatMap(([name, made]) => {
      const before = fileSetting(node, name) ?? null;
      return sameSettingValue(before, made) ? [] : [[name, { before, made }]];
    }),
  );
