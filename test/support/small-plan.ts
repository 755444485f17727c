import type { StoredPlan } from '../../coordinator/src/plan/steps.ts';

/** A plan whose one step writes a connection into the inventory: the smallest real work that needs no Elasticsearch. */
export const smallPlan = (planId: string, alias = 'us'): StoredPlan => ({
  ...{ planId, hash: `hash-of-${planId}`, workflow: 'connect', wanted: null, title: 'Connect eu to us' },
  ...{ createdAt: new Date().toISOString(), clusters: ['eu', 'us'] },
  stages: [{ id: 'record', title: 'Record', mode: 'serial' }],
  steps: [
    {
      ...{ id: 'record', kind: 'connection.record', target: 'coordinator', effect: 'none', stage: 'record' },
      ...{ reason: 'The connection is proven.', diff: `+ ${alias}` },
      input: {
        connection: {
          ...{ local: 'eu', remote: 'us', alias, auth: 'api_key', mode: 'sniff', ca: 'us', keySecret: 'secret:key@1' },
          ...{
            access: { search: [{ names: ['logs-*'] }] },
            expires: null,
            settings: [],
          },
        },
      },
    },
  ],
  ...{ restarts: [], outages: [], warnings: [] },
});
