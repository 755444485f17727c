import { styleText } from 'node:util';
import {
  type CertificateLevel,
  type CertificateView,
  isCaPurpose,
} from '@remora/shared/model/certificates/certificate-view.ts';
import { leftText } from './progress/left.ts';
import { type Column, table } from './table.ts';
import { counted, terminalWidth, wrap } from './text.ts';

/** Certificates of one cluster that differ in nothing that is shown: those of its nodes, or one that several nodes have. */
interface Row {
  readonly first: CertificateView;
  readonly nodes: readonly string[];
}

const marks: Readonly<Record<CertificateLevel, string>> = { ok: ' ', note: '·', warning: '!', critical: 'X' };

const BAR_CELLS = 6;
/** Both tables have the same first columns, one below the other. */
const LEFT_CELLS = 11;

/** How much of its life is left; empty where its beginning is not known. */
const lifeBar = ({ notBefore, notAfter }: CertificateView, now: number): string => {
  if (notBefore === null) return '';
  const [begin, end] = [Date.parse(notBefore), Date.parse(notAfter)];
  const share = Math.min(1, Math.max(0, (end - now) / Math.max(1, end - begin)));
  const full = Math.ceil(share * BAR_CELLS);
  return '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
};

const purposeNames: Readonly<Record<CertificateView['purpose'], string>> = {
  remote_cluster_server: 'remote cluster',
  transport: 'transport',
  http: 'http',
  remote_cluster_signing: 'signing',
  remote_cluster_client_ca: 'remote cluster',
  transport_ca: 'transport',
  http_ca: 'http',
};

const portOf = ({ purpose, served }: CertificateView): string => {
  const name = purposeNames[purpose];
  if (isCaPurpose(purpose) || purpose === 'remote_cluster_signing' || served === true) return name;
  return served === false ? `${name}, NOT SERVED` : `${name}, not seen`;
};

const byOf = ({ ca, issuer }: CertificateView): string => ca ?? issuer;

const MOST_NAMED = 3;

const naturally = new Intl.Collator('en', { numeric: true });

const nodesText = (nodes: readonly string[]): string =>
  nodes.length <= MOST_NAMED ? nodes.join(', ') : `${nodes[0]} … ${nodes.at(-1)} (${nodes.length})`;

const whereOf = ({ first, nodes }: Row): string => `${first.cluster}/${nodesText(nodes)}`;

const rowsOf = (views: readonly CertificateView[]): Row[] => {
  const keyOf = (view: CertificateView): string =>
    [
      ...[view.cluster, view.purpose, view.served, byOf(view), view.notAfter.slice(0, 10), view.path, view.key],
      ...view.findings,
    ].join('\n');
  return [...Map.groupBy(views, keyOf).values()].flatMap((same) => {
    const nodes = [...new Set(same.map(({ node }) => node))].sort(naturally.compare);
    return same[0] ? [{ first: same[0], nodes }] : [];
  });
};

/** How wide a terminal has to be for the columns that say more about what is known already. */
const WIDE = 100;
const WIDEST = 130;

const columnsOf = (what: string, width: number, now: number): Column<Row>[] => [
  ['  LEFT', ({ first }) => `${marks[first.level]} ${leftText(first.notAfter, now).padEnd(LEFT_CELLS)}`],
  ['LIFE', ({ first }) => lifeBar(first, now)],
  ['UNTIL', ({ first }) => first.notAfter.slice(0, 10)],
  ['WHERE', whereOf],
  [what, ({ first }) => portOf(first)],
  ...(width < WIDE ? [] : ([['KEY', ({ first }) => first.key ?? '']] satisfies Column<Row>[])),
  ...(width < WIDEST
    ? []
    : ([
        [
          'SUBJECT',
          ({ first, nodes }) =>
            nodes.length > 1 && !isCaPurpose(first.purpose) ? `${first.subject} …` : first.subject,
        ],
      ] satisfies Column<Row>[])),
  ['BY', ({ first }) => byOf(first)],
  ...(width < WIDE ? [] : ([['FILE', ({ first }) => first.path ?? '']] satisfies Column<Row>[])),
];

const colours = { ok: 'green', note: 'cyan', warning: 'yellow', critical: 'red' } as const;

/** Only on a terminal, and not where NO_COLOR is set: Node looks at both. */
const painted = (level: CertificateLevel, text: string): string =>
  styleText(colours[level], text, { stream: process.stdout });

/** The mark and the time that is left are coloured, up to the date; and all of what is refused. */
const paint = ({ first: { level } }: Row, line: string): string => {
  const end = level === 'critical' ? line.length : Math.max(0, line.search(/\d{4}-\d\d-\d\d/));
  return painted(level, line.slice(0, end)) + line.slice(end);
};

const section = (title: string, what: string, views: readonly CertificateView[], now: number): string[] => {
  const width = terminalWidth();
  return views.length === 0
    ? []
    : [`${title}\n${table(rowsOf(views), columnsOf(what, width, now), '', { width, paint })}`];
};

const levels = ['critical', 'warning', 'note'] as const;

/** Each finding once, with all that it is about; the worst first. */
const findingsText = (views: readonly CertificateView[]): string[] => {
  const found = levels.flatMap((level) =>
    views
      .filter((view) => view.level === level)
      .flatMap((view) => view.findings.map((text) => ({ level, view, text }))),
  );
  if (found.length === 0) return [];
  const groups = Map.groupBy(found, ({ view, text }) => `${view.cluster}\n${view.purpose}\n${text}`).values();
  const lines = [...groups].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const { level, text } = first;
    const nodes = [...new Set(group.map(({ view }) => view.node))].sort(naturally.compare);
    const { cluster, purpose } = first.view;
    const said = wrap(`${cluster}/${nodesText(nodes)} ${purpose}: ${text}`, '  ');
    return painted(level, marks[level]) + said.slice(1);
  });
  return [`To look at\n${lines.join('\n')}`];
};

const summary = (views: readonly CertificateView[]): string => {
  const nodes = new Set(views.map(({ cluster, node }) => `${cluster}/${node}`)).size;
  const count = (level: CertificateLevel): number => views.filter((view) => view.level === level).length;
  const parts = [
    [count('critical'), 'refused or about to break (X)'],
    [count('warning'), 'to be seen to (!)'],
    [count('note'), 'with a note (·)'],
    [count('ok'), 'well'],
  ] as const;
  const said = parts.filter(([many]) => many > 0).map(([many, what]) => `${many} ${what}`);
  return `${counted(views.length, 'certificate')} on ${counted(nodes, 'node')}: ${said.join(', ')}`;
};

/**
 * The certificates as two tables, those of ports and those that are trusted, each with the one that ends next first, and what is wrong with them. Those that differ
 * in nothing that is shown stand in one line. `of` is how many there are in all.
 */
export const certificateTable = (shown: readonly CertificateView[], of: number, now = Date.now()): string => {
  if (of === 0) return 'No certificate was found: nodes are looked at through their agents, see `remora nodes list`.';
  if (shown.length === 0) return `None of the ${of} certificates is meant by this.`;
  const [trusted, ofPorts] = [true, false].map((ca) => shown.filter(({ purpose }) => isCaPurpose(purpose) === ca));
  return [
    summary(shown),
    ...section('Certificates of ports', 'PORT', ofPorts ?? [], now),
    ...section('CAs that are trusted', 'TRUSTED FOR', trusted ?? [], now),
    ...findingsText(shown),
  ].join('\n\n');
};
