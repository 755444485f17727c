import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import type { CertificateRecord } from '../records.ts';
import { isLastThird } from './last-third.ts';

type Life = Pick<CertificateRecord, 'validityMs' | 'facts'>;

const betweenDates = ({ facts }: Life): number => Date.parse(facts.notAfter) - Date.parse(facts.notBefore);

/** How long a certificate was wished to live, which its renewal gets too. Older records have dates only, of certificates that were issued for whole days. */
export const wishedLifeMs = (record: Life): number =>
  record.validityMs ?? Math.max(1, Math.round(betweenDates(record) / DAY_MS)) * DAY_MS;

/**
 * Whether two thirds of its life are over. The dates alone do not tell: they begin five minutes before the certificate was made, which may be longer than it
 * lives; the wish alone neither, where its CA ends sooner.
 */
export const isMostlyOver = (record: Life, now: string): boolean => {
  const life = Math.min(wishedLifeMs(record), betweenDates(record));
  return isLastThird(Date.parse(record.facts.notAfter) - Date.parse(now), life);
};
