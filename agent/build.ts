import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * The agent as one file without dependencies: dist/remora-agent.mjs, for Node 24. Names and lines are kept readable for stacks in reports;
 * whitespace and dead branches go.
 */
const outfile = fileURLToPath(new URL('dist/remora-agent.mjs', import.meta.url));

await build({
  entryPoints: [fileURLToPath(new URL('src/main.ts', import.meta.url))],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  // ws tries optional native add-ons unless it is told not to.
  define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
  // ws, yaml and commander are CommonJS inside, and ask for Node's modules with `require`.
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as remoraRequire } from 'node:module';const require = remoraRequire(import.meta.url);",
  },
});
process.stdout.write(`${outfile}: ${Math.round(statSync(outfile).size / 1024)} KB\n`);
