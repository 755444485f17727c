import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import { sayDuration } from '@remora/shared/model/values/duration.ts';
import type { CertificateRecord } from '../records.ts';
import type { CertificateIssue } from './certificate-issue.ts';

/** A certificate in one line, for a list of several. */
export const describedCertificate = ({ subject, notAfter, fingerprint256 }: CertificateFacts): string =>
  `${subject}, until ${notAfter}, SHA-256 ${fingerprint256}`;

const block = (sign: '-' | '+', head: string, lines: readonly string[]): string[] => [
  `${sign} ${head}`,
  ...lines.map((line) => `${sign}   ${line}`),
];

const standingBlock = (standing: CertificateRecord | undefined): string[] => {
  const { facts } = standing ?? {};
  return facts
    ? block('-', `certificate ${facts.subject}`, [
        `SANs ${facts.sans.join(', ')}`,
        `issued by ${facts.issuer}`,
        `valid from ${facts.notBefore} to ${facts.notAfter}`,
        `SHA-256 ${facts.fingerprint256}`,
        `kept as ${standing?.p12Secret}`,
      ])
    : [];
};

/** The certificate that a node has, and one that was signed elsewhere. */
export const givenDiff = (
  standing: CertificateRecord | undefined,
  facts: CertificateFacts,
  { ca, p12Secret }: CertificateIssue,
): string =>
  [
    ...standingBlock(standing),
    ...block('+', `certificate ${facts.subject}`, [
      `SANs ${facts.sans.join(', ')}`,
      `issued by ${facts.issuer}, below CA ${ca}`,
      `valid from ${facts.notBefore} to ${facts.notAfter}`,
      `SHA-256 ${facts.fingerprint256}`,
      `kept as ${p12Secret}`,
    ]),
  ].join('\n');

/** The certificate that a node has, and the one that will be issued; its dates and fingerprint are made when it is issued. */
export const certificateDiff = (standing: CertificateRecord | undefined, wish: CertificateIssue): string => {
  const sans = [
    ...wish.dns.map((name) => `DNS:${name}`),
    ...wish.ip.map((address) => `IP:${address}`),
    ...(wish.otherNames ?? []).map((name) => `otherName:${name}`),
  ];
  const after = block('+', `certificate CN=${wish.commonName}`, [
    `SANs ${sans.join(', ')}`,
    `issued by CA ${wish.ca}`,
    `valid for ${sayDuration(wish.validityMs)} from its issue`,
    'SHA-256 known once it is issued',
    `kept as ${wish.p12Secret}`,
  ]);
  return [...standingBlock(standing), ...after].join('\n');
};
