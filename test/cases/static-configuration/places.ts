import type { SettingValue } from '@remora/shared/settings.ts';
import { expect } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { lines, planIn } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf, type World } from '../connect/world.ts';

export const all = { staticNodes: 'all' } as const;
export const one = { staticNodes: ['eu-2'] };

const seeds = ['10.0.1.1:9443', '10.0.1.2:9443', '10.0.1.3:9443'];
export const inFile = { 'cluster.remote.us.mode': 'sniff', 'cluster.remote.us.seeds': seeds };

/** What elasticsearch.yml of a node says of the alias. */
export const linesOf = (made: World, node: string): Record<string, SettingValue | null> =>
  Object.fromEntries(
    Object.entries(nodeOf(made.local, node).yml.values).filter(([name]) => name.startsWith('cluster.remote.')),
  );

export const aliasIn = (made: World): string[] => Object.keys(made.local.persistent);

/** The plan is carried out, the connection works then, and nothing is left to do. */
export const done = (made: World, wish: Parameters<typeof request>[0]): World => {
  const then = applySteps(made, planIn(made, request(wish)).steps);
  expect(isConnected(then, 'us')).toBe(true);
  expect(lines(planIn(then, request(wish)))).toEqual([]);
  return then;
};

export const record = 'prepare connection.record coordinator none';
export const roll = (...nodes: string[]): string[] => nodes.map((node) => `local-roll node.change ${node} restart`);
export const off = (...nodes: string[]): string[] => nodes.map((node) => `lines-off node.change ${node} restart`);
export const prove = 'connect connection.prove eu none';
export const put = 'connect cluster-settings.put eu api';
