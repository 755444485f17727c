import type { CertificateView } from '@remora/shared/model/certificate-view.ts';
import { table } from './table.ts';
import { wrap } from './text.ts';

const leftOf = ({ daysLeft }: CertificateView): string => (daysLeft < 0 ? 'ENDED' : `${daysLeft} d`);

const servedOf = ({ served }: CertificateView): string => (served === null ? '' : served ? 'yes' : 'NO');

const byOf = ({ ca, issuer }: CertificateView): string => ca ?? issuer;

const findingLines = ({ cluster, node, purpose, findings }: CertificateView): string[] =>
  findings.map((finding) => wrap(`${cluster}/${node} ${purpose}: ${finding}`, '  '));

/** The certificates as a table, the one that ends next first, and below what is wrong with them. `of` is how many there are in all. */
export const certificateTable = (shown: readonly CertificateView[], of: number): string => {
  const rows = table(
    shown,
    [
      ['LEFT', leftOf],
      ['UNTIL', ({ notAfter }) => notAfter.slice(0, 10)],
      ['CLUSTER', ({ cluster }) => cluster],
      ['NODE', ({ node }) => node],
      ['PURPOSE', ({ purpose }) => purpose],
      ['SERVED', servedOf],
      ['SUBJECT', ({ subject }) => subject],
      ['BY', byOf],
      ['FILE', ({ path }) => path ?? ''],
    ],
    of === 0
      ? 'No certificate was found: nodes are looked at through their agents, see `remora nodes list`.'
      : `None of the ${of} certificates is meant by this.`,
  );
  const findings = shown.flatMap(findingLines);
  return findings.length === 0 ? rows : `${rows}\n\nTo look at:\n${findings.join('\n')}`;
};
