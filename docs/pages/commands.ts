import { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import {
  ClusterAdded,
  ClusterView,
  ConnectionInfo,
  ConnectionView,
  DoctorLine,
  NodeProof,
  NodeView,
} from '@remora/shared/model/inventory.ts';
import { KeyView } from '@remora/shared/model/keys/key-view.ts';
import { RoleCheck, RoleView } from '@remora/shared/model/keys/role-view.ts';
import { Plan, PlanStep } from '@remora/shared/model/plan.ts';
import { Run, RunStep } from '@remora/shared/model/run.ts';
import { createCli } from '../../coordinator/src/cli/frame/cli.ts';
import { runProgram } from '../../coordinator/src/cli/frame/program.ts';
import { CaView } from '../../coordinator/src/http/schemas/ca-view.ts';
import { code, generatedNote, table } from './markdown.ts';

/** What `--help` prints, as somebody without a terminal gets it. */
const helpOf = async (...names: readonly string[]): Promise<string> => {
  const { write, isTTY } = process.stdout;
  let said = '';
  process.stdout.isTTY = false;
  process.stdout.write = (chunk: string | Uint8Array): boolean => {
    said += String(chunk);
    return true;
  };
  try {
    await runProgram(
      [...names, '--help'],
      createCli(() => false, { code: 0 }),
    );
  } finally {
    process.stdout.write = write;
    process.stdout.isTTY = isTTY;
  }
  return said.trimEnd();
};

/** Names and summaries of the commands that a help text lists. */
const commandsIn = (help: string): string[] => {
  const list = /\nCommands:\n([\s\S]*?)(?:\n\n|$)/.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}(\S+)/gm)].flatMap(([, name]) => (name && name !== 'help' ? [name] : []));
};

const block = (help: string): string => `\`\`\`text\n${help}\n\`\`\``;

const section = async (name: string): Promise<string> => {
  const help = await helpOf(name);
  const parts = [`## remora ${name}`, block(help)];
  for (const sub of commandsIn(help)) parts.push(block(await helpOf(name, sub)));
  return parts.join('\n\n');
};

const fields = (schema: { readonly properties: object }): string => Object.keys(schema.properties).map(code).join(', ');

const answers = table(
  ['Of', 'Fields'],
  [
    ['a plan (`connect --check`)', fields(Plan)],
    ['a step of a plan', fields(PlanStep)],
    ['a run (`connect`, `runs show`, `runs watch`)', fields(Run)],
    ['a step of a run', fields(RunStep)],
    ['a cluster', fields(ClusterView)],
    ['the same, of `clusters add`', fields(ClusterAdded)],
    ['a node', fields(NodeView)],
    ['its `elasticsearch`', fields(NodeView.properties.elasticsearch)],
    ['a connection', fields(ConnectionView)],
    ['its `info`, by its mode', fields(ConnectionInfo)],
    ['a proof of a connection, one a node', fields(NodeProof)],
    ['an API key', fields(KeyView)],
    ['a role', fields(RoleView)],
    ['a line of `roles check`', fields(RoleCheck)],
    ['a CA', fields(CaView)],
    ['an entry of the audit log', fields(AuditEntry)],
    ['`audit verify`', fields(AuditVerdict)],
    ['a line of `doctor`', fields(DoctorLine)],
  ],
);

/** docs/commands.md: the help of every command, and what `--json` answers. */
export const commandsPage = async (): Promise<string> => {
  const main = await helpOf();
  const sections: string[] = [];
  for (const name of commandsIn(main)) if (name !== 'agent') sections.push(await section(name));
  return `${generatedNote}

# Commands

This page is what \`--help\` says, in one place. From a clone the program is \`bin/remora\`, or \`npm run remora --\`. The two commands of the agent are in
[node-requirements.md](node-requirements.md).

${block(main)}

- \`--json\` prints exactly one JSON document on stdout. Everything else goes to stderr.
- A change asks before it begins. Without a terminal it is refused unless \`--yes\` is given.
- A request that finds no coordinator is tried again for 20 s before the command ends with 69.
- Commands and flags that this release does not have are refused by name with 64. None is ignored.

${sections.join('\n\n')}

## What \`--json\` answers

Lists are arrays of these. Fields may be added, none goes away. Times are ISO 8601 in UTC. The coordinator serves the same as OpenAPI 3.1 at
\`/api/v1/openapi.json\`. Errors: [errors.md](errors.md).

${answers}
`;
};
