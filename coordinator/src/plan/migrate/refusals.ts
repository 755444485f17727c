import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { givesAccess, type MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import type { ConnectDraft } from '../connect/draft.ts';
import { preflight } from '../connect/preflight/preflight.ts';
import { inCluster } from '../connection/alias-place.ts';
import { isByCertificate } from '../connection/connection-records.ts';
import { publishedParts } from '../connection/published-address.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { type Finding, throwFindings } from '../node/agent-findings.ts';
import { connectingNodes, itemsOf } from '../node/nodes.ts';
import { distrustFindings } from './distrust.ts';
import type { MigrateFacts } from './facts.ts';
import { standingSeeds } from './wanted.ts';

const aliasFindings = ({ local, alias }: MigrateRequest, { connect, record }: MigrateFacts): Finding[] => {
  const prefix = `cluster.remote.${alias}.`;
  const { persistent, transient, nodes } = connect.local;
  const hidden = Object.keys(transient).find((name) => name.startsWith(prefix));
  if (hidden !== undefined)
    return [
      [
        'conflict',
        `Cluster ${local} has the transient setting ${hidden}, which hides what is configured for good: remove it first (null in transient).`,
      ],
    ];
  const inFile = nodes.find(
    ({ agent }) =>
      agent.state === 'online' && Object.keys(agent.facts.settingsFile.values).some((name) => name.startsWith(prefix)),
  );
  if (inFile !== undefined)
    return [
      [
        'conflict',
        `elasticsearch.yml of node ${inFile.name} (cluster ${local}) has settings of the alias ${alias}: set them for the whole cluster with \`PUT _cluster/settings\`, and take them out there first.`,
      ],
    ];
  return record !== null || Object.keys(persistent).some((name) => name.startsWith(prefix))
    ? []
    : [['not-found', `Cluster ${local} has no connection "${alias}": see \`remora connections list\`.`]];
};

/** A credential of somebody else makes the connection one by API key already. */
const credentialFindings = ({ local, alias }: MigrateRequest, { connect }: MigrateFacts): Finding[] => {
  const entry = credentialEntry(alias);
  return connectingNodes(connect.local, inCluster).flatMap(({ name, agent }): Finding[] =>
    agent.state === 'online' &&
    agent.facts.keystore.entries?.some((one) => one.name === entry && one.reference === null)
      ? [
          [
            'conflict',
            `The keystore of node ${name} (cluster ${local}) has ${entry} with a value that Remora did not write: the connection is one by API key there already. Take the entry out first.`,
          ],
        ]
      : [],
  );
};

/** What somebody made by hand may lead elsewhere than was said: the key would then be one of another cluster. */
const remoteFindings = (wish: MigrateRequest, { connect, remote, record }: MigrateFacts): Finding[] => {
  if (record !== null) {
    return wish.remote === undefined || wish.remote === record.remote
      ? []
      : [
          [
            'bad-input',
            `--remote ${wish.remote}: the connection ${wish.local}/${wish.alias} leads to ${record.remote}. Leave the flag out.`,
          ],
        ];
  }
  const published = [...remote.addresses.values()].flatMap((address) => {
    const { names, port } = publishedParts(address);
    return names.map((host) => `${host}:${port}`);
  });
  const seeds = standingSeeds(connect.local, wish.alias);
  return seeds.length === 0 || seeds.some((seed) => published.includes(seed))
    ? []
    : [
        [
          'conflict',
          `The alias ${wish.alias} of cluster ${wish.local} leads to ${seeds.join(', ')}, and no node of cluster ${remote.cluster.name} publishes its transport port there (${published.join(', ') || 'none does'}). Give --remote of the cluster that it leads to; where it is that one by another name, set the seeds to what its nodes publish.`,
        ],
      ];
};

/** `--remove-trust` alone is for a connection that has its key already. */
const accessFindings = (wish: MigrateRequest): Finding[] =>
  givesAccess(wish)
    ? []
    : [
        [
          'bad-input',
          `The connection ${wish.local}/${wish.alias} is one by certificate still, and its key must grant something: add --search PATTERNS, --replication PATTERNS, or --access FILE.`,
        ],
      ];

const proxyFindings = ({ mode, proxyAddress, alias }: ConnectRequest, { connect }: MigrateFacts): Finding[] => {
  if (mode === 'sniff')
    return proxyAddress === undefined
      ? []
      : [
          [
            'bad-input',
            `--proxy-address: the connection ${alias} is in sniff mode. Leave the flag out, or give --seeds.`,
          ],
        ];
  const now = itemsOf(connect.local.persistent[`cluster.remote.${alias}.proxy_address`]).join();
  return proxyAddress === undefined
    ? [
        [
          'bad-input',
          `The connection ${alias} goes through a proxy at ${now}: give --proxy-address HOST:PORT, where that leads to the remote cluster server of the remote nodes.`,
        ],
      ]
    : [];
};

/**
 * Throws what forbids it, all of it: what forbids a connection by API key, but that the alias is taken, and what is special here. Of one that has its key already only what
 * forbids to take the old trust off.
 */
export const refuse = (wish: MigrateRequest, draft: ConnectDraft, facts: MigrateFacts): void => {
  const { request, servers, context } = draft;
  const own = [
    ...accessFindings(wish),
    ...aliasFindings(wish, facts),
    ...remoteFindings(wish, facts),
    ...credentialFindings(wish, facts),
    ...proxyFindings(request, facts),
  ];
  const removal = wish.removeTrust ? distrustFindings(facts, wish.alias) : [];
  if (facts.record !== null && !isByCertificate(facts.record)) {
    throwFindings([...remoteFindings(wish, facts), ...removal]);
    return;
  }
  const connecting = preflight({ facts: facts.connect, request, servers, now: context.now })
    .filter(({ check }) => check !== 'alias-free-or-ours')
    .map(({ code, message }): Finding => [code, message]);
  throwFindings(own.length > 0 ? own : [...connecting, ...removal]);
};
