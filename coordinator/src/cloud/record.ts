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
  /** References of the keys that Remora put into keystores, by `DEPLOYMENT/ALIAS`. */
  readonly keys?: Readonly<Record<string, string>>;
}

/** Name of the secret that holds a cloud's API key. */
export const cloudSecret = (name: string): string => `cloud/${name}/api-key`;

const keyOf = (deployment: string, alias: string): string => `${deployment}/${alias}`;

/** References of the keys that Remora put into a deployment's keystore, by alias. */
export const writtenKeys = ({ keys = {} }: CloudRecord, deployment: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(keys).flatMap(([name, secret]) =>
      name.startsWith(`${deployment}/`) ? [[name.slice(deployment.length + 1), secret]] : [],
    ),
  );

/** The record with the key that was put there, or without the one that was taken out (null). */
export const withKey = (record: CloudRecord, deployment: string, alias: string, secret: string | null): CloudRecord => {
  const { [keyOf(deployment, alias)]: _, ...others } = record.keys ?? {};
  return { ...record, keys: secret === null ? others : { ...others, [keyOf(deployment, alias)]: secret } };
};
