import { preflightChecks } from '../../coordinator/src/plan/connect/preflight/preflight.ts';
import { gates } from '../../coordinator/src/plan/roll/gates.ts';
import { code, generatedNote, table } from './markdown.ts';

const gateRows = Object.entries(gates).map(([name, { demands }]) => [code(name), demands]);
const checkRows = Object.entries(preflightChecks).map(([name, check]) => [
  code(name),
  check.demands,
  `[${code(check.code)}](errors.md)`,
]);

/** docs/gates.md, from coordinator/src/plan/gates.ts and the preflight checks. */
export const gatesPage = (): string => `${generatedNote}

# Checks and gates

Two kinds of conditions stand between a wish and a restarted node. Both have names, and the names are what a message shows.

## Before a plan: preflight checks

\`remora connect\`, with and without \`--check\`, looks at both clusters, at every agent and at the paths between them, then runs all checks. What does not hold
is listed, all of it, with the place and what to do. The command ends with 64 and nothing was changed.

${table(['Check', 'What it demands', 'Error'], checkRows)}

## Before a node restarts: gates

A roll restarts one node at a time. Before each restart all gates are looked at, in this order, every 2 s until all are open. A closed gate is shown in the run
with its name and the reason (\`waiting, gate closed: no-shard-initializing: 2 shards are initialising\`). A gate that stays closed for 30 minutes ends the run
as failed. Nothing was done to that node. The same command goes on with what is missing.

${table(['Gate', 'What it demands'], gateRows)}

The plan states an outage that cannot be avoided: a cluster of one node, one of two master-eligible nodes, the only data node, a node with the only started copy of a
shard whose replica is assigned to no node. Such a plan is refused without \`--accept-outage\`. With it, \`copies-elsewhere\` and \`master-quorum\` do not wait for the nodes whose outage was stated. Indices without a replica are listed
in the plan and block nothing.

A gate is overridden by name: \`--override no-running-snapshot --reason 'nightly snapshot may fail'\`. It then holds no node of that run up; the run shows that it was closed, and the reason.
`;
