import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import { type DoctorLine, skipped } from '@remora/shared/model/inventory.ts';
import type { CaRecord } from '../../plan/records.ts';
import { soonMs } from '../certificates/certificate-findings.ts';
import type { CertificateLook } from '../certificates/certificate-watch.ts';

/** What a doctor has to tell: notes may be meant so. */
const isBad = ({ level }: CertificateView): boolean => level === 'warning' || level === 'critical';

/** The first is the worst; `certs list` shows all. */
const MOST_TOLD = 3;

const clusterLine = (cluster: string, views: readonly CertificateView[], age: string): DoctorLine => {
  const check = `certificates ${cluster}`;
  const bad = views.filter(isBad);
  if (bad.length === 0) return { check, ok: true, detail: `${views.length} looked at${age}` };
  // The list begins with what ends next; what is refused already comes before it.
  const worst = [...bad.filter(({ level }) => level === 'critical'), ...bad.filter(({ level }) => level === 'warning')];
  const told = worst.slice(0, MOST_TOLD).map(({ node, purpose, findings }) => `${node} ${purpose}: ${findings[0]}`);
  const rest = bad.length - told.length;
  const more = rest > 0 ? ` And ${rest} more: see \`remora certs list\`.` : '';
  return { check, ok: false, detail: `${told.join(' ')}${more}${age}` };
};

/** What could not be looked at is not well for that. */
const unseenLine = (problems: readonly string[]): DoctorLine[] => {
  if (problems.length === 0) return [];
  const rest = problems.length - MOST_TOLD;
  const more = rest > 0 ? ` And ${rest} more: see \`remora certs list\`.` : '';
  return [{ check: 'certificates not seen', ...skipped(`${problems.slice(0, MOST_TOLD).join(' ')}${more}`) }];
};

/** Of a CA that the inventory has; those that only nodes have are among their certificates. */
const caLine = ({ name, facts }: CaRecord, nowMs: number): DoctorLine => {
  const leftMs = Date.parse(facts.notAfter) - nowMs;
  const isWell = leftMs >= soonMs(facts, { lifeMs: null });
  const verb = leftMs <= 0 ? 'ended' : 'ends';
  const advice = isWell
    ? ''
    : `: nothing that it signed is trusted after that. \`remora ca rotate ${name}\` puts another one in its place.`;
  return { check: `CA ${name}`, ok: isWell, detail: `${verb} at ${facts.notAfter}${advice}` };
};

/** The certificates of the nodes, a line a cluster, and the CAs of the inventory. `asked` is when the doctor came, by the clock that nobody sets. */
export const certificateLines = (
  look: CertificateLook | null,
  cas: readonly CaRecord[],
  { nowMs, askedMs }: { readonly nowMs: number; readonly askedMs: number },
): DoctorLine[] => {
  // Nothing that is served is of one that has a successor in its place.
  const caLines = cas.filter(({ retiredAt }) => retiredAt === undefined).map((ca) => caLine(ca, nowMs));
  if (look === null) return [{ check: 'certificates', ...skipped('not looked at yet; ask again') }, ...caLines];
  const ageMs = askedMs - look.endedMs;
  const age = ageMs > 0 ? ` (as seen ${Math.ceil(ageMs / 1000)} s ago: some agent does not answer now)` : '';
  const byCluster = Map.groupBy(look.list.certificates, ({ cluster }) => cluster);
  const lines = [...byCluster].map(([cluster, views]) => clusterLine(cluster, views, age));
  return [...lines, ...unseenLine(look.list.problems), ...caLines].toSorted((a, b) => a.check.localeCompare(b.check));
};
