import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../coordinator/src/config.ts';
import { versionsHere } from '../../elasticsearch/versions.ts';
import { composeFile, inClone, serviceOf, textOf } from './deployment.ts';

const compose = composeFile();
const dockerfiles = ['deploy/coordinator.Dockerfile', 'deploy/elasticsearch-node.Dockerfile'];

/** A message of the linter; its own types do not resolve under Node's rules. */
interface Message {
  readonly type: 'error' | 'warning';
  readonly rule: string;
  readonly line: number;
  readonly message: string;
}

/** What the linter finds wrong with a Compose file, by the schema of the specification and its own rules; matters of taste are warnings. */
const findings = (name: string, text: string): string[] => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-compose-'));
  const path = join(directory, name);
  writeFileSync(path, text);
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
  const results: readonly { readonly messages: readonly Message[] }[] = linter.lintFiles([path], false);
  rmSync(directory, { recursive: true });
  return results
    .flatMap(({ messages }) => messages)
    .flatMap(({ type, rule, line, message }) => (type === 'error' ? [`${rule}, line ${line}: ${message}`] : []));
};

const argumentsOf = (dockerfile: string): Record<string, string> =>
  Object.fromEntries([...textOf(dockerfile).matchAll(/^ARG (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));

describe('docker-compose.yml', () => {
  it('follows the Compose Specification', () => {
    expect(findings('docker-compose.yml', textOf('docker-compose.yml'))).toEqual([]);
  });

  it('would be refused with a key or a value that the specification does not have', () => {
    const text = textOf('docker-compose.yml');
    expect(findings('key.yml', text.replace('healthcheck:', 'healthchecks:'))).not.toEqual([]);
    expect(findings('value.yml', text.replace('retries: 60', 'retries: [60]'))).not.toEqual([]);
  });

  it('uses only services and volumes that it defines', () => {
    const used = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes.map((one) => one.split(':')[0]));
    expect([...new Set(used)].sort()).toEqual(Object.keys(compose.volumes).sort());
    for (const { depends_on = {} } of Object.values(compose.services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const service = serviceOf(name);
        if (condition === 'service_healthy') expect(service.healthcheck, name).toBeDefined();
      }
    }
  });
});

describe('versions', () => {
  const lock = JSON.parse(readFileSync(inClone('package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };

  it('are those of the test clusters and of package-lock.json, in one place each', async () => {
    const [newest] = await versionsHere();
    const wanted: Record<string, string | undefined> = {
      ES_VERSION: newest?.version,
      NODE_VERSION: lock.packages['node_modules/node']?.version,
    };
    const builds = Object.values(compose.services).flatMap(({ build }) => (build ? [build] : []));
    expect(new Set(builds.map(({ dockerfile }) => dockerfile))).toEqual(new Set(dockerfiles));
    for (const { dockerfile, args } of builds) {
      expect(args).toEqual(argumentsOf(dockerfile));
      for (const [name, version] of Object.entries(args)) expect(version, name).toBe(wanted[name]);
    }
  });
});

describe('ports', () => {
  it("are the coordinator's own", async () => {
    const { port } = (await readConfig({ dataDir: '/nonexistent' })).listen;
    const { command = [], environment = {}, ports, hostname } = serviceOf('coordinator');
    const flag = (name: string) => command[command.indexOf(name) + 1];
    expect(flag('--listen')).toBe(`0.0.0.0:${port}`);
    expect(flag('--public-url')).toBe(`https://${hostname}:${port}`);
    expect(environment.REMORA_URL).toBe(`https://${hostname}:${port}`);
    expect(ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(textOf('deploy/coordinator.Dockerfile')).toContain(`EXPOSE ${port}\n`);
  });
});

describe.each(dockerfiles)('%s', (dockerfile) => {
  const sources = [...textOf(dockerfile).matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, words = '']) =>
    words.split(' '),
  );

  it('copies what is there', () => {
    expect(sources).toContain('package-lock.json');
    for (const source of sources) expect(existsSync(inClone(source)), source).toBe(true);
  });

  it('has a package.json of every workspace, without which npm does not know them', () => {
    const { workspaces } = JSON.parse(textOf('package.json')) as { workspaces: string[] };
    for (const workspace of workspaces) expect(sources).toContain(`${workspace}/package.json`);
  });

  it('sends its sources to the engine, and no node_modules', () => {
    const lines = textOf(`${dockerfile}.dockerignore`).split('\n');
    expect(lines).toContain('**/node_modules');
    const sent = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const covers = (pattern: string, source: string): boolean => {
      const path = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}(/|$)`);
      return path.test(source);
    };
    for (const source of sources)
      expect(
        sent.some((pattern) => covers(pattern, source)),
        source,
      ).toBe(true);
  });
});
