/** References of a CA's key and certificate; both are minted once, when the CA is made. */
export const caKeySecret = (ca: string): string => `secret:ca/${ca}/key@1`;
export const caCertificateSecret = (ca: string): string => `secret:ca/${ca}/certificate@1`;
