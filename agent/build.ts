import { renameSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { TSchema } from 'typebox';
import { Code } from 'typebox/compile';
import { schemas as protocolSchemas } from '../shared/src/protocol/checks.ts';
import { schemas as ownSchemas } from './src/checks.ts';

/**
 * The agent as one file without dependencies: dist/remora-agent.mjs, for Node 24. Names are kept readable for stacks in reports; whitespace and dead
 * branches go.
 *
 * TypeBox stays at home: at run time it takes 20 MB. The functions of the two `checks.ts` files are generated from their schemas here, and everything
 * else that is made of schemas needs only their types, so that `typebox` itself becomes an empty stand-in.
 */
const outfile = fileURLToPath(new URL('dist/remora-agent.mjs', import.meta.url));

/** A value that generated code refers to: TypeBox hoists the regular expressions of patterns. */
const literal = (value: unknown): string => {
  if (value instanceof RegExp) return value.toString();
  throw new Error(`a schema needs ${String(value)} at run time, which the build cannot write down`);
};

/** One schema's check as an expression: a function of the value. */
const checkOf = (schema: TSchema): string => {
  const { Code: code, External } = Code(schema);
  const body = code
    .replace(/^import .*$/gm, '')
    .replace(/^export function SetExternal.*$/m, '')
    .replace(/^(let \w+ = )\[\]/m, `$1[${External.variables.map(literal).join(',')}]`)
    .replace(/^export function Check/m, 'function Check');
  if (/\b(Hashing|CheckContext)\b/.test(body))
    throw new Error('a schema needs a part of TypeBox that the build leaves out');
  return `(() => {${body}; return Check; })()`;
};

const moduleOf = (schemas: Readonly<Record<string, TSchema>>): string =>
  [
    `import { Guard } from 'typebox/guard';`,
    ...Object.entries(schemas).map(([name, schema]) => `export const ${name} = ${checkOf(schema)};`),
  ].join('\n');

/** Ends of the paths of files whose functions are generated here, each with the schemas that it exports. The packages may be links to another place. */
const seams = new Map<string, Readonly<Record<string, TSchema>>>([
  ['/shared/src/protocol/checks.ts', protocolSchemas],
  ['/agent/src/checks.ts', ownSchemas],
]);

/** Those that the bundle has. One that is missed would answer yes to whatever it is asked. */
const generated = new Set<string>();

const withoutTypeBox: Plugin = {
  name: 'without-typebox',
  setup({ onLoad, onResolve }) {
    const stand = 'export default new Proxy({}, { get: () => () => ({}) });';
    onResolve({ filter: /^typebox$/ }, () => ({ path: 'typebox', namespace: 'stand-in' }));
    onLoad({ filter: /.*/, namespace: 'stand-in' }, () => ({ contents: stand }));
    onLoad({ filter: /\/checks\.ts$/ }, ({ path }) => {
      const seam = [...seams].find(([end]) => path.endsWith(end));
      if (seam === undefined) return undefined;
      generated.add(seam[0]);
      return { contents: moduleOf(seam[1]) };
    });
  },
};

const result = await build({
  entryPoints: [fileURLToPath(new URL('src/main.ts', import.meta.url))],
  outfile,
  write: false,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [withoutTypeBox],
  // ws tries optional native add-ons unless it is told not to.
  define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
  // ws, yaml and commander are CommonJS inside, and ask for Node's modules with `require`.
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as remoraRequire } from 'node:module';const require = remoraRequire(import.meta.url);",
  },
});

const [bundle] = result.outputFiles;
if (bundle === undefined) throw new Error('esbuild made no file');
for (const seam of seams.keys()) {
  if (!generated.has(seam)) throw new Error(`the bundle does not have the checks of ${seam}`);
}
await mkdir(dirname(outfile), { recursive: true });
// Renamed into place: another build, or an agent that starts at this moment, sees a whole file.
const temporary = `${outfile}.${process.pid}`;
writeFileSync(temporary, bundle.contents, { mode: 0o755 });
renameSync(temporary, outfile);
process.stdout.write(`${outfile}: ${Math.round(bundle.contents.length / 1024)} KB\n`);
