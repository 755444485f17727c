/**
 * What to do about a text with which Elasticsearch refuses a change that nobody else could have refused before: from tries on 8.19.21 and 9.5.3 and from its source. The
 * first rule that matches counts. What is said of a connection that does not work stands in `plan/connection/proof-hints.ts`.
 */
const rules: readonly { readonly pattern: RegExp; readonly hint: string }[] = [
  {
    pattern: /is unauthorized for (?:user|API key)/i,
    hint: 'The user that Remora has for the cluster lacks a privilege: give it one of those that the message names, or have `remora clusters add` make it anew with --create-user. Then give the same command again.',
  },
  {
    pattern: /non-compliant for \[/i,
    hint: 'The licence of the cluster lacks the feature that the message names: connections by API key need an enterprise or trial licence on both sides.',
  },
  {
    pattern: /API key cannot be used to create/i,
    hint: 'Keys between clusters are made by a user with a password: give one with `remora clusters add`.',
  },
  {
    pattern: /api keys? (?:are|is|service is) not enabled|api_key\.enabled/i,
    hint: 'The API key service is off there: remove xpack.security.authc.api_key.enabled: false from its nodes and restart them.',
  },
  {
    pattern: /Invalid certificate_identity format/i,
    hint: 'Elasticsearch reads --certificate-identity as a regular expression of Java, and takes this one for none: write a plainer one, like CN=signer,O=Example.',
  },
  {
    pattern:
      /field permissions|field_security|parse (?:the )?(?:regexp|regular expression)|RegExp|end-of-string|expected '\]'/i,
    hint: 'A pattern between slashes is a regular expression of Lucene, which Elasticsearch alone can judge: correct it in --access, --search or --replication.',
  },
  {
    pattern: /cannot update (?:invalidated|expired) API key/i,
    hint: 'Elasticsearch changes no such key. Give the same command again: it makes another one.',
  },
  {
    pattern: /expiration must be in the future/i,
    hint: 'The clock of the cluster is ahead, or --expires is short: give it a longer one, and compare the clocks with `remora doctor`.',
  },
  {
    pattern: /if remote cluster is not enabled/i,
    hint: 'Elasticsearch looks at its dynamic settings alone, and there the alias has no address: it stands in elasticsearch.yml, or somebody took it out. Take it out of the file, then give the same command again.',
  },
  {
    pattern: /cannot be used with the configured/i,
    hint: 'Somebody else gave the alias settings of the other mode. Give the same command again: it takes them out in the same request.',
  },
  {
    pattern: /not dynamically updateable/i,
    hint: 'A node reads that setting at its start alone: write it into elasticsearch.yml of each node, then restart them with `remora restart`.',
  },
  {
    pattern: /Configured file \[|cannot specify (?:both )?\[?signing/i,
    hint: 'Every node needs the file before the setting names it: `remora connect` with --certificate-identity places files and settings in that order.',
  },
  {
    pattern: /blocked by: \[|cluster_block_exception/i,
    hint: 'A block stands on the cluster: it has no elected master at this moment, a disk is full, or somebody made it read-only (cluster.blocks.read_only). Take that away, then give the same command again.',
  },
  {
    pattern: /master_not_discovered|no (?:elected )?master/i,
    hint: 'The cluster has no elected master at this moment: look at its nodes, then give the same command again.',
  },
  {
    pattern: /circuit_breaking|Data too large|rejected execution/i,
    hint: 'The cluster has more to do than it can take: give the same command again when that is over.',
  },
  {
    pattern: /Provided keystore password was incorrect/i,
    hint: 'Store the right password of the keystore, keystore-password/CLUSTER/NODE, with `remora secrets set`, then go on with `remora runs resume`.',
  },
  {
    pattern: /Keystore is missing/i,
    hint: 'The node finds no elasticsearch.keystore where it looks: see that ES_PATH_CONF of its service is the directory with which the agent joined.',
  },
  {
    pattern: /checksum failed|corrupt_index_exception|codec (?:footer|header) mismatch/i,
    hint: 'The file of the keystore is damaged: put a good one in its place, then go on with `remora runs resume`.',
  },
  {
    pattern: /unknown (?:secure )?setting \[/i,
    hint: 'The node would not start with it either: take the entry out with `elasticsearch-keystore remove`, or out of elasticsearch.yml, then go on with `remora runs resume`.',
  },
  {
    pattern: /unknown (?:cluster|index|indices|remote)?.*privilege|is reserved and may not be used/i,
    hint: 'This version of Elasticsearch does not take such a role: leave out what the message names, or choose another name.',
  },
  {
    pattern: /passwords? must be/i,
    hint: 'Give another password with --password-file.',
  },
];

/** Undefined where nothing better can be said than the text itself. */
export const adviceFor = (text: string): string | undefined => rules.find(({ pattern }) => pattern.test(text))?.hint;
