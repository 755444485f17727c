import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { connected } from './plans.ts';
import { type World, world } from './world.ts';

/** A connection that was made with `first`, and what happened to it since. */
export const standing =
  (change: (world: World) => void = () => {}, first: Partial<ConnectRequest> = {}, sizes = { local: 3 }) =>
  () => {
    const made = connected(world(sizes), first);
    change(made);
    return made;
  };

export const every = (made: World, side: 'local' | 'remote') => made[side].nodes;
export const prove = 'connect connection.prove eu none';
export const put = 'connect cluster-settings.put eu api';
export const localFiles = (effect: string, nodes = ['eu-2', 'eu-3', 'eu-1']): string[] =>
  nodes.map((node) => `local-files node.change ${node} ${effect}`);
export const reloads = (nodes = ['eu-2', 'eu-3', 'eu-1']): string[] =>
  nodes.map((node) => `reload secure-settings.reload ${node} reload`);
export const reissue = (nodes = ['us-2', 'us-3', 'us-1']): string[] => [
  ...nodes.map((node) => `certificates certificate.issue ${node} none`),
  ...nodes.map((node) => `remote-files node.change ${node} file`),
  ...nodes.map((node) => `remote-verify remote-server.verify ${node} none`),
];
