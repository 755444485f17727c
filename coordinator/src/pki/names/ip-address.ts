import { canonicalIp, isIpv6 } from '@remora/shared/model/values/address.ts';

/** Groups of four hexadecimal digits, filled up with zeros. */
const groupsOf = (half: string): string[] =>
  half === '' ? [] : half.split(':').map((group) => group.padStart(4, '0'));

/** The 4 or 16 bytes of an address in its canonical form. */
export const ipBytes = (canonical: string): number[] => {
  if (!isIpv6(canonical)) return canonical.split('.').map(Number);
  const [head = [], tail = []] = canonical.split('::').map(groupsOf);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0000');
  return [...Buffer.from([...head, ...zeros, ...tail].join(''), 'hex')];
};

/** The address of 4 or 16 bytes, in its canonical form. */
export const ipOfBytes = (bytes: readonly number[]): string => {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? [];
  return canonicalIp(groups.join(':')) ?? '';
};
