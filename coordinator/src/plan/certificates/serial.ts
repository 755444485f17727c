/** A serial number as all who write one can be compared: lower-case hex without leading zeros. */
export const bareSerial = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');
