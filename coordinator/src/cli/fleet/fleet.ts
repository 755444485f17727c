import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { FleetRotation, FleetStatus } from '@remora/shared/model/fleet.ts';
import { parseDurationOrNone } from '@remora/shared/model/values/duration.ts';
import { type ApiClient, createApiClient } from '../client/api-client.ts';
import { readClientSettings } from '../client/settings.ts';
import { type Cli, confirmOrRefuse } from '../frame/cli.ts';
import type { Register } from '../frame/register.ts';
import { counted, toTheSecond } from '../show/text.ts';

const TAKEN_BACK = 'It was taken back: the fleet CA is as before.';
const REPLACED =
  'The fleet CA was replaced. Who logs in from elsewhere needs the new fleet-ca.crt (`remora fleet ca` writes it), and join tokens from before it count no more. Back-ups from before it hold the old one: make a new one now.';

const FOLLOW_MS = 500;
const MOST_NAMED = 10;

const phases: Readonly<Record<FleetRotation['phase'], string>> = {
  trust: 'agents are told to trust both CAs',
  renew: 'the new CA signs and serves; agents renew their certificates',
  drop: 'every agent has a certificate of the new CA; the old one goes',
  back: 'cancelled: the old CA signs and serves; agents get certificates of it again',
};

const waitsText = ({ phase, switchAfter, waitingFor }: FleetRotation): string[] => {
  const named = waitingFor.slice(0, MOST_NAMED).map(({ cluster, node, online, lastSeen, reason }) => {
    return `  waits for ${cluster}/${node} (${where(online, lastSeen)}): ${reason}`;
  });
  const more = waitingFor.length > MOST_NAMED ? [`  and for ${waitingFor.length - MOST_NAMED} more`] : [];
  const away = waitingFor.some(({ online }) => !online)
    ? ['  Start the agents that are offline, or give them up with `remora nodes remove`: then it goes on.']
    : [];
  const overlap = phase === 'trust' && new Date(switchAfter) > new Date();
  const copies = `  not before ${toTheSecond(switchAfter)}: until then, write copies of fleet-ca.crt elsewhere anew (\`remora fleet ca\`)`;
  return [...named, ...more, ...away, ...(overlap ? [copies] : [])];
};

const behindText = (behind: FleetStatus['behind']): string[] => {
  const named = behind
    .slice(0, MOST_NAMED)
    .map(
      ({ cluster, node, online, lastSeen, reason }) => `  ${cluster}/${node} (${where(online, lastSeen)}) ${reason}`,
    );
  return [...named, ...(behind.length > MOST_NAMED ? [`  and ${behind.length - MOST_NAMED} more`] : [])];
};

const where = (online: boolean, lastSeen: string | null): string =>
  online ? 'online' : `offline, last seen ${lastSeen === null ? 'never' : toTheSecond(lastSeen)}`;

const rotationText = (rotation: FleetRotation): string =>
  [
    `Rotation: ${rotation.phase} (${phases[rotation.phase]}), since ${toTheSecond(rotation.phaseSince)}`,
    ...waitsText(rotation),
  ].join('\n');

const statusText = ({ ca, agents, rotation, behind }: FleetStatus): string =>
  [
    `Fleet CA: ${ca.fingerprint256}, ends at ${toTheSecond(ca.notAfter)}; ${counted(agents, 'agent')}`,
    ...(rotation
      ? [`  takes the place of ${rotation.from.fingerprint256}: ${rotation.to.fingerprint256}`, rotationText(rotation)]
      : behindText(behind)),
  ].join('\n');

/** A client that goes on when the server shows a certificate of the other CA: what it trusts came over a connection that it trusted. */
const trustingClient = async ({ certificatesPem }: FleetStatus): Promise<ApiClient> => {
  const settings = await readClientSettings();
  return createApiClient(settings.caPem === null ? settings : { ...settings, caPem: certificatesPem });
};

/** What it waits for is told whenever that changes; the dates in it do so all the time. */
const tellingOf = (rotation: FleetRotation): string =>
  JSON.stringify([rotation.phase, rotation.waitingFor.map(({ cluster, node, online }) => [cluster, node, online])]);

/** Until none goes on; answers the status then. To stop looking stops nothing. */
const follow = async (cli: Cli, begun: FleetStatus): Promise<FleetStatus> => {
  let client = await trustingClient(begun);
  let status = begun;
  let told = '';
  while (status.rotation) {
    const telling = tellingOf(status.rotation);
    if (telling !== told) cli.note(rotationText(status.rotation));
    told = telling;
    await sleep(FOLLOW_MS);
    const next = await client.get<FleetStatus>('/fleet');
    if (next.certificatesPem !== status.certificatesPem) client = await trustingClient(next);
    status = next;
  }
  return status;
};

interface RotateFlags {
  readonly overlap?: string;
  readonly cancel?: true;
  readonly goOn?: true;
  readonly detach?: true;
  readonly yes?: true;
}

const questionOf = ({ overlap = '1h', cancel, goOn }: RotateFlags): string => {
  if (cancel) return 'Take the rotation of the fleet CA back?';
  if (goOn) return 'Have the new fleet CA sign and serve now? Agents that do not trust it yet have to join again.';
  return `Copies of fleet-ca.crt elsewhere (REMORA_CA) count until the new CA serves, ${overlap} from now at the earliest: write them anew before that with \`remora fleet ca\`. Replace the fleet CA?`;
};

const askedFor = async (cli: Cli, flags: RotateFlags): Promise<FleetStatus> => {
  const { overlap, cancel, goOn, yes } = flags;
  if (cancel && goOn) throw new RemoraError('bad-input', 'Give --cancel or --go-on, not both.');
  if ((cancel || goOn) && overlap !== undefined) {
    throw new RemoraError('bad-input', `--overlap has no meaning with ${cancel ? '--cancel' : '--go-on'}.`);
  }
  if (overlap !== undefined) parseDurationOrNone(overlap);
  await confirmOrRefuse(cli, questionOf(flags), yes ?? false);
  const client = await cli.client();
  if (cancel) return client.post<FleetStatus>('/fleet/ca-rotation/cancel', {});
  if (goOn) return client.post<FleetStatus>('/fleet/ca-rotation/go-on', {});
  return client.post<FleetStatus>('/fleet/ca-rotation', overlap === undefined ? {} : { overlap });
};

/** Exits 1 when it ended as something else than was asked for: somebody cancelled it meanwhile. */
const rotate = async (cli: Cli, flags: RotateFlags): Promise<void> => {
  const begun = await askedFor(cli, flags);
  if (flags.detach) return cli.answer(begun, () => statusText(begun));
  const ended = await follow(cli, begun);
  const wanted = flags.cancel ? begun.rotation?.from : begun.rotation?.to;
  const isSo = wanted === undefined || ended.ca.fingerprint256 === wanted.fingerprint256;
  cli.answer(ended, () => statusText(ended));
  cli.note(isSo ? (flags.cancel ? TAKEN_BACK : REPLACED) : 'It was cancelled meanwhile.');
  if (!isSo) cli.exit(1);
};

export const register: Register = (command, cli) => {
  command
    .command('status')
    .description('show the fleet CA, and how far its rotation is and whom it waits for')
    .action(async () => {
      const status = await (await cli.client()).get<FleetStatus>('/fleet');
      cli.answer(status, () => statusText(status));
    });
  command
    .command('ca')
    .description('write what is to be trusted of a coordinator as PEM: the content of its fleet-ca.crt')
    .action(async () => {
      const status = await (await cli.client()).get<FleetStatus>('/fleet');
      cli.answer(status, () => status.certificatesPem.trimEnd());
    });
  command
    .command('rotate-ca')
    .description('have a new fleet CA take the place of the one there is; no agent has to join again')
    .option(
      '--overlap <time>',
      'both are trusted for so long at least before the new one serves (default: 1h); 0s when the key got into other hands',
    )
    .option(
      '--go-on',
      'do not wait until every agent trusts the new CA: after a back-up was restored, see docs/disasters.md',
    )
    .option('--cancel', 'take one back that goes on, as long as not every agent has a certificate of the new CA')
    .option('--detach', 'do not wait for its end; it goes on by itself')
    .option('--yes', 'do not ask')
    .action((flags: RotateFlags) => rotate(cli, flags));
};
