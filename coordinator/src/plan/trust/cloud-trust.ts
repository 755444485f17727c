/** A trust relationship of a deployment whose CA stands in it, in the form of the Elastic Cloud API. */
export interface DirectRelationship {
  /** Made by Elastic Cloud. */
  readonly uid?: string;
  readonly name: string;
  /** With a cluster outside of Elastic Cloud, or with what stands before one that takes API keys; absent: `generic`. */
  readonly type?: string;
  readonly trust_all: boolean;
  /** Ids of clusters. */
  readonly trust_allowlist?: readonly string[];
  readonly scope_id?: string;
  readonly additional_node_names?: readonly string[];
  readonly certificates: readonly { readonly pem: string }[];
}

const sorted = (names: readonly string[] = []): readonly string[] => [...names].sort();

const essence = (one: DirectRelationship): string =>
  JSON.stringify([
    ...[one.name, one.type ?? 'generic', one.trust_all, one.scope_id ?? null],
    ...[sorted(one.trust_allowlist), sorted(one.additional_node_names)],
    sorted(one.certificates.map(({ pem }) => pem.trim())),
  ]);

/** Whether two relationships trust the same in the same way. */
export const sameRelationship = (a: DirectRelationship, b: DirectRelationship): boolean => essence(a) === essence(b);
