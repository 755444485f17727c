import { expect, it } from 'vitest';
import { runCli } from '../../../support/run-cli.ts';

const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*'];
const addUs = ['clusters', 'add', 'us', '--url', 'https://a:1', '--user', 'u', '--password-file', '-'];

/** What a script may get wrong, and words that the answer must have; none of these needs a coordinator to be refused. */
const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown command', ['nonsense'], /Unknown command 'nonsense'/],
  ['no command', [], /needs a command/],
  ['a group without a command', ['nodes'], /`remora nodes` needs a command/],
  ['an unknown flag', ['nodes', 'list', '--nonsense'], /Unknown option '--nonsense'/],
  ['a missing argument', ['runs', 'show'], /Missing required argument 'id'/],
  ['too many arguments', ['nodes', 'list', 'x'], /Too many arguments/],
  ['a missing flag', ['connect', 'eu', 'us', '--search', 'a'], /--alias/],
  ['a flag without value', [...connect, '--expires'], /--expires/],
  ['a bad alias', ['connect', 'eu', 'us', '--alias', 'a.b', '--search', 'a', '--yes'], /"a\.b" is not an alias/],
  ['equal clusters', ['connect', 'eu', 'eu', '--alias', 'a', '--search', 'a', '--yes'], /two different clusters/],
  ['no access', ['connect', 'eu', 'us', '--alias', 'a', '--yes'], /No access was given/],
  ['an unknown mode', [...connect, '--mode', 'snif'], /"snif" is not a connection mode/],
  ['an unknown trust model', [...connect, '--auth', 'magic'], /--auth magic/],
  [
    'flags for keys with the certificate model',
    [...connect, '--auth', 'certificate'],
    /--search does not go with --auth certificate/,
  ],
  [
    'the certificate model on some nodes',
    ['connect', 'eu', 'us', '--alias', 'a', '--auth', 'certificate', '--limit', 'us-1'],
    /--limit does not go with --auth certificate/,
  ],
  [
    'signatures in the certificate model',
    ['connect', 'eu', 'us', '--alias', 'a', '--auth', 'certificate', '--signing-ca', 'signing'],
    /--signing-ca does not go with --auth certificate/,
  ],
  [
    'an alias in files with the certificate model',
    ['connect', 'eu', 'us', '--alias', 'a', '--auth', 'certificate', '--static'],
    /--static does not go with --auth certificate/,
  ],
  [
    'an alias in files with a key of others',
    ['connect', 'eu', '--alias', 'a', '--remote-key-file', '-', '--static-nodes', 'eu-1'],
    /--static-nodes does not go with --remote-key-file yet/,
  ],
  [
    'signatures with an alias in files',
    [...connect, '--static', '--certificate-identity', 'CN=a'],
    /--static does not go with --certificate-identity/,
  ],
  [
    'an alias in files of all nodes and of some',
    [...connect, '--static', '--static-nodes', 'eu-1'],
    /--static is for every local node that connects, --static-nodes for those that it names/,
  ],
  ['no node for an alias in files', [...connect, '--static-nodes', 'a b'], /"a b"/],
  [
    'nobody whom nodes are to let in',
    ['trust-restrictions', 'set', 'us'],
    /Give --allow PATTERN or --deployment CLOUD\/ID/,
  ],
  [
    'a deployment without its cloud',
    ['trust-restrictions', 'set', 'us', '--deployment', 'acme'],
    /--deployment acme: write CLOUD\/DEPLOYMENT/,
  ],
  [
    'two deployments that go at once',
    ['trust-restrictions', 'remove', 'us', '--deployment', 'acme/d1', '--deployment', 'acme/d2'],
    /--deployment is given twice: one deployment goes at a time/,
  ],
  [
    'a migration to anything else',
    ['migrate', 'eu', 'us', '--to', 'certificate', '--search', 'a'],
    /migrated to api_key/,
  ],
  ['a migration without access', ['migrate', 'eu', 'us', '--to', 'api_key', '--yes'], /No access was given/],
  ['seeds in proxy mode', [...connect, '--mode', 'proxy', '--seeds', 'us-1:9443'], /--seeds belongs to sniff mode/],
  ['an address without port', [...connect, '--seeds', 'us-1'], /has no port/],
  ['a bad IPv6 address', [...connect, '--seeds', '[::g]:1'], /not an IPv6 address/],
  ['a bad duration', [...connect, '--expires', 'soon'], /"soon" is not a duration/],
  ['a bad truth value', [...connect, '--skip-unavailable', 'maybe'], /write true or false/],
  ['an unknown setting', [...connect, '--set', 'foo=1'], /--set foo: there is no such setting/],
  ['a setting without value', [...connect, '--set', 'foo'], /write KEY=VALUE/],
  ['a port that is none', [...connect, '--remote-port', '0'], /--remote-port 0/],
  [
    'an access file that is not there',
    [...connect, '--access', '/nonexistent'],
    /--access \/nonexistent cannot be read/,
  ],
  ['a change without --yes', connect, /needs --yes/],
  ['a part of a plan', ['apply', 'plan-1', '--limit', 'us-1', '--yes'], /a plan says which nodes/],
  [
    'a foreign remote',
    ['connect', 'eu', '--alias', 'a', '--remote-key-file', 'f'],
    /--remote-key-file f cannot be read/,
  ],
  ['a command of a later part', ['converge', 'eu'], /`converge` is not supported yet/],
  [
    'a foreign remote that is managed',
    ['connect', 'eu', 'us', '--alias', 'a', '--remote-key-file', 'f'],
    /is for a cluster that others run, and "us" would be one that is managed here/,
  ],
  [
    'access of a foreign remote',
    ['connect', 'eu', '--alias', 'a', '--remote-key-file', 'f', '--search', 'logs-*'],
    /--search is for a remote cluster that is managed here/,
  ],
  [
    'signatures for a foreign remote',
    ['connect', 'eu', '--alias', 'a', '--remote-key-file', 'f', '--signing-validity', '90d'],
    /--signing-validity is for a remote cluster that is managed here/,
  ],
  ['no remote', ['connect', 'eu', '--alias', 'a'], /Which cluster is to be reached\?/],
  ['a bad alias to disconnect', ['disconnect', 'eu', 'a.b', '--yes'], /"a\.b" is not an alias/],
  [
    'a key for others and no file',
    ['api-keys', 'create', 'us', '--for', 'a', '--search', 'b', '--yes'],
    /give --out FILE/,
  ],
  [
    'a key for others on stdout',
    ['api-keys', 'create', 'us', '--for', 'a', '--search', 'b', '--out', '-', '--yes'],
    /--out - is refused/,
  ],
  [
    'a CA of the servers that is not there',
    ['api-keys', 'create', 'us', '--for', 'a', '--search', 'b', '--out', 'x', '--server-ca', '/nosuch', '--yes'],
    /--server-ca \/nosuch cannot be read/,
  ],
  ['keys of nobody', ['api-keys', 'revoke', 'us', '--yes'], /REMOTE with --for NAME/],
  ['another fleet CA without --yes', ['fleet', 'rotate-ca'], /needs --yes/],
  ['a bad overlap of fleet CAs', ['fleet', 'rotate-ca', '--overlap', 'long', '--yes'], /"long" is not a duration/],
  [
    'an overlap of what is cancelled',
    ['fleet', 'rotate-ca', '--overlap', '1h', '--cancel', '--yes'],
    /no meaning with --cancel/,
  ],
  [
    'an overlap of what goes on without waiting',
    ['fleet', 'rotate-ca', '--overlap', '1h', '--go-on', '--yes'],
    /no meaning with --go-on/,
  ],
  ['two ends of a rotation', ['fleet', 'rotate-ca', '--cancel', '--go-on', '--yes'], /not both/],
  ['another end of a failure', [...connect, '--on-failure', 'retry', '--yes'], /write stop or rollback/],
  ['a bad life of a token', ['tokens', 'create', '--cluster', 'us', '--ttl', '0h'], /"0h" is not a duration/],
  ['a bad number of uses', ['tokens', 'create', '--cluster', 'us', '--uses', 'many'], /--uses many/],
  [
    'a bad cluster name',
    ['clusters', 'add', 'a/b', '--url', 'https://a:1', '--user', 'u', '--password-file', '-'],
    /"a\/b" is not a cluster name/,
  ],
  [
    'an administrator who makes nothing',
    [...addUs, '--admin-user', 'elastic'],
    /--admin-user, --admin-password-file and --alias say how a user is made/,
  ],
  ['a user that nobody makes', [...addUs, '--create-user'], /--create-user needs --admin-user/],
  [
    'two passwords from stdin',
    [...addUs, '--create-user', '--admin-user', 'elastic', '--admin-password-file', '-'],
    /Both passwords are to come from stdin/,
  ],
  ['a bad name of a secret', ['secrets', 'remove', '../x'], /not a secret reference/],
  ['half a connection', ['connections', 'check', 'eu'], /Give its alias too/],
  ['no address of a coordinator', ['nodes', 'list'], /REMORA_URL is not set/],
  ['a bad address to listen on', ['coordinator', '--listen', 'here'], /--listen: "here" is not an address/],
  [
    'a config file that is not there',
    ['coordinator', '--config', '/nonexistent'],
    /--config \/nonexistent cannot be read/,
  ],
  ['a bad address of Redis', ['coordinator', '--redis-url', 'http://x'], /--redis-url is not an address/],
  ['a plain public address', ['coordinator', '--public-url', 'http://x'], /https:\/\/ only/],
];

it.each(refused)('refuses %s with 64', async (_, args, message) => {
  const { code, stdout, stderr } = await runCli(args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(code).toBe(64);
  expect(stdout).toBe('');
});

it('answers a refusal as one JSON document with --json, and says it on stderr too', async () => {
  const { code, stdout, stderr } = await runCli([...connect, '--expires', 'soon', '--json']);
  expect(code).toBe(64);
  expect(JSON.parse(stdout)).toEqual({
    error: { code: 'bad-input', message: expect.stringContaining('"soon"'), hint: expect.any(String), findings: [] },
  });
  expect(stderr).toContain('"soon"');
});

it.each([[['--help']], [['connect', '--help']], [['help', 'runs']]])('answers %j with help and 0', async (args) => {
  const { code, stdout, stderr } = await runCli(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: remora/);
});

it('needs a token to log in with: 77', async () => {
  const { code, stderr } = await runCli(['nodes', 'list'], { env: { REMORA_URL: 'https://127.0.0.1:9' } });
  expect(code).toBe(77);
  expect(stderr).toMatch(/no token/);
});

it('refuses a plain http coordinator', async () => {
  const env = { REMORA_URL: 'http://127.0.0.1:9', REMORA_TOKEN: 'x' };
  const { code, stderr } = await runCli(['nodes', 'list'], { env });
  expect({ code, stderr }).toMatchObject({ code: 64, stderr: expect.stringMatching(/https:\/\/ only/) });
});

it('looks 20 s for a coordinator, then exits 69', async () => {
  const env = { REMORA_URL: 'https://127.0.0.1:9', REMORA_TOKEN: 'x' };
  const { code, stderr } = await runCli(['nodes', 'list'], { env });
  expect({ code, stderr }).toMatchObject({
    code: 69,
    stderr: expect.stringMatching(/No coordinator answered at https:\/\/127\.0\.0\.1:9/),
  });
}, 60_000);
