import { type ErrorKind, errorTable } from '@remora/shared/errors.ts';
import { code, generatedNote, table } from './markdown.ts';

const rows = Object.entries<ErrorKind>(errorTable).map(([name, { meaning, hint, retryable, exit, status }]) => [
  code(name),
  meaning,
  hint,
  retryable ? 'yes' : 'no',
  String(exit),
  String(status),
]);

/** docs/errors.md, from shared/src/errors.ts. */
export const errorsPage = (): string => `${generatedNote}

# Errors

Every failure that a user can meet has a code. The code is stable: scripts may match it. The message beside it says what was tried, on which node or cluster,
and what came back. The hint says what to do; the one in this table is used where the place of the failure has nothing better to say.

- On a terminal: the message, further findings with a dash each, the hint.
- With \`--json\`: \`{"error": {"code", "message", "hint", "findings"}}\` on stdout, the same text on stderr.
- Over HTTP: \`application/problem+json\` (RFC 9457) with \`code\`, \`hint\` and \`findings\` beside the standard fields.
- In a step of a run: \`error: {code, message, hint}\`.

"Again" says whether the same request may succeed later without anybody changing anything. A failed run exits 1, whatever the code of its step.

${table(['Code', 'Meaning', 'What to do', 'Again', 'Exit', 'HTTP'], rows)}

Exit codes of the command line: 0 done, 1 failed, 2 changes pending (\`--check\`), 64 bad input or refused before anything changed, 69 coordinator
unreachable, 77 not allowed.
`;
