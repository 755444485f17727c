import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Fleet } from '../support/fleet.ts';
import { residentMb } from '../support/resident-memory.ts';

/**
 * What many certificates cost: `npm run bench:issuing [-- N]`. N node certificates (1,000) with RSA keys of 2,048 bits, two names and an address, as PKCS#12 with a
 * password each, by `remora certs issue` from a real coordinator; beside it the same by `openssl`, and by `cfssl` where there is one, as scripts make them: two at a time,
 * processes for each. Prints rates, their ratios, the coordinator's memory, and how long its API took to answer somebody else meanwhile.
 */
const run = promisify(execFile);
const count = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(count) || count < 1) throw new Error(`How many certificates? "${process.argv[2]}" is no number.`);

await using fleet = await Fleet.start();
const at = (...parts: string[]): string => join(fleet.directory, ...parts);
const names = Array.from({ length: count }, (_, i) => `node-${i + 1}`);

/** Asks the coordinator for its health over one kept connection, 20 times a second, until it is stopped; answers how long each took, in ms. */
const askMeanwhile = async (): Promise<{ stop(): Promise<number[]> }> => {
  const agent = new Agent({ keepAlive: true, ca: await readFile(join(fleet.dataDirectory, 'fleet-ca.crt')) });
  const took: number[] = [];
  let isStopped = false;
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      get(`${fleet.url}/api/v1/health`, { agent }, (response) => {
        response.resume().on('end', () => {
          took.push(performance.now() - began);
          resolve();
        });
      }).on('error', reject);
    });
  const asking = (async () => {
    for (; !isStopped; await sleep(50)) await ask();
  })();
  return {
    async stop() {
      isStopped = true;
      await asking;
      agent.destroy();
      return took;
    },
  };
};

const quantile = (values: readonly number[], share: number): string => {
  const sorted = values.toSorted((a, b) => a - b);
  return `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1)} ms`;
};

const saying = (took: readonly number[]): string =>
  `median ${quantile(took, 0.5)}, 99 % ${quantile(took, 0.99)}, longest ${quantile(took, 1)} of ${took.length}`;

const seconds = async (act: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await act();
  return (performance.now() - began) / 1000;
};

const remora = async (): Promise<number> => {
  await fleet.json(['ca', 'create', 'bench']);
  const instances = names.map(
    (name, i) => `  - name: ${name}\n    dns: [${name}, ${name}.example.com]\n    ip: [10.0.${i >> 8}.${i & 255}]\n`,
  );
  await writeFile(at('instances.yml'), `instances:\n${instances.join('')}`);
  const idle = await askMeanwhile();
  await sleep(3000);
  console.log(`API while nothing is issued: ${saying(await idle.stop())}`);
  const memory = (): number => residentMb(fleet.coordinatorPid ?? 0);
  const before = memory();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, memory());
  }, 100);
  const busy = await askMeanwhile();
  const out = ['--out', at('issued')];
  const wish = ['--ca', 'bench', '--purpose', 'transport', '--instances', at('instances.yml')];
  const took = await seconds(() => fleet.json(['certs', 'issue', ...wish, ...out]));
  clearInterval(timer);
  console.log(`API while certificates are issued: ${saying(await busy.stop())}`);
  console.log(`coordinator: ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`);
  const files = (await readdir(at('issued'))).filter((file) => file.endsWith('.p12'));
  if (files.length !== count) throw new Error(`${files.length} PKCS#12 files, and not ${count}`);
  return took;
};

/** Runs a shell script once for each name, two at a time, and counts what it made. */
const scripted = async (directory: string, prepare: string, each: string): Promise<number> => {
  await mkdir(directory);
  await run('sh', ['-ec', prepare], { cwd: directory });
  await writeFile(join(directory, 'each.sh'), each);
  await writeFile(join(directory, 'names'), names.join('\n'));
  const took = await seconds(() => run('sh', ['-ec', 'xargs -P 2 -n 1 sh -e each.sh < names'], { cwd: directory }));
  const files = (await readdir(directory)).filter((file) => file.endsWith('.p12'));
  if (files.length !== count) throw new Error(`${files.length} PKCS#12 files in ${directory}, and not ${count}`);
  return took;
};

const makeCa =
  'openssl req -x509 -newkey rsa:3072 -nodes -keyout ca.key -out ca.crt -days 3650 -subj /CN=bench 2> /dev/null';
const bundle =
  'openssl rand -base64 24 > $1.password\nopenssl pkcs12 -export -in $1.crt -inkey $1.key -certfile ca.crt -name $1 -passout file:$1.password -out $1.p12';

const openssl = (): Promise<number> =>
  scripted(
    at('openssl'),
    makeCa,
    `openssl req -newkey rsa:2048 -nodes -keyout $1.key -subj /CN=$1 -addext subjectAltName=DNS:$1,DNS:$1.example.com,IP:10.0.0.1 -out $1.csr 2> /dev/null
openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -days 365 -copy_extensions copy -out $1.crt 2> /dev/null
${bundle}
`,
  );

const cfssl = (): Promise<number> =>
  scripted(
    at('cfssl'),
    makeCa,
    `echo '{"CN":"'$1'","key":{"algo":"rsa","size":2048},"hosts":["'$1'","'$1'.example.com","10.0.0.1"]}' > $1.json
cfssl gencert -loglevel 5 -ca ca.crt -ca-key ca.key $1.json | cfssljson -bare $1
mv $1.pem $1.crt
mv $1-key.pem $1.key
${bundle}
`,
  );

const hasCfssl = await run('cfssl', ['version']).then(
  () => true,
  () => false,
);
const own = await remora();
const rate = (took: number): string => `${(count / took).toFixed(1)} a second, ${took.toFixed(1)} s`;
console.log(`remora certs issue: ${count} certificates, ${rate(own)}`);
const theirs = { openssl: await openssl(), ...(hasCfssl ? { cfssl: await cfssl() } : {}) };
for (const [name, took] of Object.entries(theirs))
  console.log(`${name}: ${rate(took)}; remora takes ${(own / took).toFixed(2)} times as long`);
if (!hasCfssl) console.log('cfssl: not on the PATH, not measured');
