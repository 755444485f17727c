/** How a cloud is reached, as it is kept. */
export interface CloudRecord {
  readonly name: string;
  /** Origin of its API. */
  readonly url: string;
  /** `secret:…` */
  readonly apiKey: string;
  /** PEM text; null trusts the system's CAs. */
  readonly caPem: string | null;
  /** ISO 8601. */
  readonly addedAt: string;
}

/** Name of the secret that holds a cloud's API key. */
export const cloudSecret = (name: string): string => `cloud/${name}/api-key`;
