import type { FleetRotation, FleetStatus } from '@remora/shared/model/fleet.ts';
import type { DoctorLine } from '@remora/shared/model/inventory.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { BACKDATED_MS } from '@remora/shared/protocol/enrol.ts';
import type { TurnedAway } from '../../gateway/session/turned-away.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import type { CertificateLife, NodeRecord } from '../../store/records.ts';

/** What the coordinator and its agents are known by. */
export interface FleetIdentity {
  /** ISO 8601. */
  readonly caEnds: string;
  /** What this coordinator serves to operators and agents. */
  readonly server: CertificateLife;
}

/** From then on agents get certificates that are cut by its end. */
const CA_NOTICE_MS = 400 * DAY_MS;
/** All are renewed before three quarters of their life are over. */
const LATE = 0.8;
const MOST_NAMED = 10;

const isLate = ({ notBefore, notAfter }: CertificateLife, nowMs: number): boolean => {
  const begin = Date.parse(notBefore) + BACKDATED_MS;
  return nowMs > begin + (Date.parse(notAfter) - begin) * LATE;
};

const caLine = (caEnds: string, nowMs: number): DoctorLine => ({
  check: 'fleet CA',
  ok: Date.parse(caEnds) - nowMs > CA_NOTICE_MS,
  detail:
    Date.parse(caEnds) - nowMs > CA_NOTICE_MS
      ? `ends at ${caEnds}`
      : `ends at ${caEnds}: replace it with \`remora fleet rotate-ca\`, for which no agent has to join again`,
});

const serverLine = (server: CertificateLife, nowMs: number): DoctorLine => ({
  check: 'server certificate',
  ok: !isLate(server, nowMs),
  detail: isLate(server, nowMs)
    ? `ends at ${server.notAfter} and was not renewed: the log of this coordinator says why`
    : `ends at ${server.notAfter}, renewed before by itself`,
});

const ofAgent = (node: NodeRecord, life: CertificateLife, nowMs: number): string =>
  Date.parse(life.notAfter) <= nowMs
    ? `${nodeKey(node)} ended at ${life.notAfter}: join it again (\`remora tokens create\`, then \`remora agent join\` on that node)`
    : `${nodeKey(node)} ends at ${life.notAfter} and was not renewed: its agent renews it once it is connected`;

const agentsLine = (nodes: readonly NodeRecord[], nowMs: number): DoctorLine[] => {
  const known = nodes
    .flatMap((node) => (node.certificateLife ? [{ node, life: node.certificateLife }] : []))
    .sort((a, b) => Date.parse(a.life.notAfter) - Date.parse(b.life.notAfter));
  const [next] = known;
  if (!next) return [];
  const late = known.filter(({ life }) => isLate(life, nowMs));
  const named = late.slice(0, MOST_NAMED).map(({ node, life }) => ofAgent(node, life, nowMs));
  const more = late.length > MOST_NAMED ? ` And ${late.length - MOST_NAMED} more.` : '';
  const well = `${known.length}, the next one (${nodeKey(next.node)}) ends at ${next.life.notAfter}`;
  return [
    { check: 'agent certificates', ok: late.length === 0, detail: late.length ? `${named.join('. ')}.${more}` : well },
  ];
};

/** The certificates by which coordinator and agents know each other. */
export const identityLines = (
  identity: FleetIdentity,
  nodes: readonly NodeRecord[],
  nowMs: number,
): readonly DoctorLine[] => [
  caLine(identity.caEnds, nowMs),
  serverLine(identity.server, nowMs),
  ...agentsLine(nodes, nowMs),
];

const phases: Readonly<Record<FleetRotation['phase'], string>> = {
  trust: 'agents are told to trust both',
  renew: 'the new one signs, and agents renew their certificates',
  drop: 'every agent has a certificate of the new one, the old one is going',
  back: 'it was cancelled, and agents get certificates of the old one again',
};

type Waited = FleetStatus['behind'][number];

/** At most so many by name, and the rest counted. */
const nameThem = (agents: readonly Waited[]): string => {
  const named = agents.slice(0, MOST_NAMED).map(({ cluster, node, online, lastSeen, reason }) => {
    return `${cluster}/${node} (${online ? 'online' : `offline, last seen ${lastSeen ?? 'never'}`}) ${reason}`;
  });
  return `${named.join('. ')}.${agents.length > MOST_NAMED ? ` And ${agents.length - MOST_NAMED} more.` : ''}`;
};

/** Agents that did not follow the rotation of the fleet CA to its end: who has the key of the old CA can still deceive them. */
export const behindLines = (behind: readonly Waited[]): readonly DoctorLine[] => {
  if (behind.length === 0) return [];
  const todo =
    'Start those that are offline, or give them up with `remora nodes remove`; the log of the others says why.';
  return [{ check: 'trust in the fleet CA', ok: false, detail: `${nameThem(behind)} ${todo}` }];
};

/** A rotation that goes on; not well while it waits for an agent that is not connected. */
export const rotationLines = (rotation: FleetRotation | null): readonly DoctorLine[] => {
  if (!rotation) return [];
  const { phase, startedAt, waitingFor } = rotation;
  const away = waitingFor.filter(({ online }) => !online);
  const waits = away.length === 0 ? `it waits for ${waitingFor.length} that are connected` : nameThem(away);
  const todo = away.length === 0 ? '' : ' Start these agents, or give them up with `remora nodes remove`.';
  const detail = `since ${startedAt}, ${phases[phase]}: ${waits}${todo}`;
  return [{ check: 'rotation of the fleet CA', ok: away.length === 0, detail }];
};

/** Agents whose certificate was not accepted. A node of that name may have an agent that is well. */
export const turnedAwayLines = (turnedAway: readonly TurnedAway[]): readonly DoctorLine[] =>
  turnedAway.map(({ who, from, at, reason, hint }) => ({
    ...{ check: `agent ${who} at ${from}`, ok: false, detail: `not let in, last at ${at}: ${reason} ${hint}` },
  }));
