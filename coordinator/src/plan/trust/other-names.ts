import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';

const OTHER_NAME = 'otherName:';

/** The names of a certificate that trust restrictions look at: SANs of the kind `otherName`, of the type common name. */
export const otherNamesOf = ({ sans }: Pick<CertificateFacts, 'sans'>): string[] =>
  sans.filter((san) => san.startsWith(OTHER_NAME)).map((san) => san.slice(OTHER_NAME.length));

/** As a part of a certificate's wish; nothing where there are none. */
export const withOtherNames = (names: readonly string[]): { readonly otherNames?: readonly string[] } =>
  names.length === 0 ? {} : { otherNames: names };
