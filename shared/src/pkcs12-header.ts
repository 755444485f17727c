/** `30 … 02 01 03`: a SEQUENCE that begins with version 3, which no certificate and no key does. */
export const isPkcs12 = (file: Uint8Array): boolean => {
  if (file[0] !== 0x30) return false;
  const length = file[1] ?? 0;
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f);
  return file[start] === 0x02 && file[start + 1] === 0x01 && file[start + 2] === 0x03;
};
