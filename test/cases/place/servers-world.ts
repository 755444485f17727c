import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { keyConnections } from '../../../coordinator/src/plan/connection/connection-records.ts';
import { publishedParts } from '../../../coordinator/src/plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../../coordinator/src/plan/facts.ts';
import type { PlaceFacts } from '../../../coordinator/src/plan/place/facts.ts';
import { planPlacement } from '../../../coordinator/src/plan/place/place.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { wish as connectWish, given } from '../connect/given-world.ts';
import { planIn as connectIn } from '../connect/plans.ts';
import type { World } from '../connect/world.ts';

export const SERVER = 'xpack.security.remote_cluster_server.ssl';
type Node = ClusterObservation['nodes'][number];

/** As the coordinator would observe it in this world: every node of `eu` connects, and trusts what is served. */
const placeFacts = (made: World, more: Partial<PlaceFacts> = {}): PlaceFacts => {
  const { remote, local, connections, cas, certificates, signed, secretVersions, otherNodes } = factsOf(
    made,
    request(),
  );
  const names = ({ remoteClusterServer, transportHost }: NodeObservation): readonly string[] =>
    remoteClusterServer ? publishedParts(remoteClusterServer.publishAddress).names : [transportHost];
  const trusting = connections.length === 0 ? [] : local.nodes;
  return {
    ...{ cluster: remote, urlHosts: ['us.example.com'], trusted: null, stores: new Map() },
    ...{
      connections: keyConnections(connections),
      cas,
      certificates,
      signed,
      secretVersions,
      otherNodes,
      proxies: [],
      seeds: [],
      unknownProxies: [],
      unasked: [],
      peers: [],
      deploymentTrusts: [],
    },
    ports: new Map(
      remote.nodes.map((node) => [
        node.name,
        { names: names(node), fingerprint256: null, sans: [], issuers: [], problem: '' },
      ]),
    ),
    trust: trusting.map((node: Node) => ({
      ...{ remote: 'us', alias: 'us', cluster: 'eu', node: node.name, isDirect: true, isAway: false, problem: null },
      certificateAuthorities: ['remora-remote-cluster-cas.crt'],
    })),
    ...more,
  };
};

export const wish = (more: Partial<PlaceRequest> = {}): PlaceRequest => ({
  ...{ cluster: 'us', purpose: 'remote_cluster_server', ca: 'corporate' },
  ...more,
});

export const planIn = (made: World, asked: PlaceRequest, more: Partial<PlaceFacts> = {}): StoredPlan =>
  planPlacement(asked, placeFacts(made, more), {
    ...{ planId: 'p', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  });

/** A connection whose remote nodes have certificates that were made elsewhere. */
export const standing = (): World => applySteps(given(), connectIn(given(), connectWish()).steps);
