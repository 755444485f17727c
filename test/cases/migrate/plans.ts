import type { MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { isForeign } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { MigrateFacts } from '../../../coordinator/src/plan/migrate/facts.ts';
import { planMigration } from '../../../coordinator/src/plan/migrate/migrate.ts';
import { connectRequestOf } from '../../../coordinator/src/plan/migrate/wanted.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, sha256 } from '../connect/facts.ts';
import { recordsOf, type TrustWorld, transportFacts } from '../connect-certificate/world.ts';

const wishOf = (wish: Partial<MigrateRequest>): MigrateRequest => ({
  ...{ local: 'eu', alias: 'us', to: 'api_key', search: ['logs-*'] },
  ...wish,
});

const observed = (one: TrustWorld, wish: MigrateRequest): MigrateFacts => {
  const connections = recordsOf(one);
  const found = connections.find(({ alias }) => alias === wish.alias) ?? null;
  if (found !== null && isForeign(found)) throw new Error('both clusters of this world are managed');
  const facts = factsOf(one.made, connectRequestOf(wish, 'us', one.made.local));
  return {
    connect: { ...facts, connections },
    local: transportFacts(one, facts.local),
    remote: transportFacts(one, facts.remote),
    ...{ record: found, connections, deploymentTrusts: [] },
  };
};

export const planTo = (
  one: TrustWorld,
  wish: Partial<MigrateRequest> = {},
  more: Pick<MigrateFacts, 'remoteRoles'> = {},
): StoredPlan =>
  planMigration(
    wishOf(wish),
    { ...observed(one, wishOf(wish)), ...more },
    {
      ...{ planId: 'plan-1', now: new Date(one.made.nowMs).toISOString(), hash: sha256 },
    },
  );
