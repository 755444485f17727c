import type { ErrorCode } from '@remora/shared/errors.ts';
import { givenCertificates } from './given.ts';
import { addressKept, beyondLoopback, pathsOpen, remoteHostFits } from './preflight-addresses.ts';
import { aliasFree } from './preflight-alias.ts';
import type { Check, PreflightInput } from './preflight-check.ts';
import { apiKeyServiceOn, license, privileges, securityOn, versions } from './preflight-clusters.ts';
import {
  certificateAuthority,
  foreignServer,
  foreignTruststore,
  identity,
  keyEnd,
  someConnect,
} from './preflight-connection.ts';
import {
  agentsAnswer,
  agentsJoined,
  agentsOnline,
  clocks,
  keystores,
  nodesPresent,
  portsFixed,
  portsOfOneHost,
  sameNode,
  settingsFiles,
  writable,
} from './preflight-nodes.ts';

/** A check that did not hold: which one, and a sentence that says what was found and what to do. */
export interface Finding {
  readonly check: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** All checks by name, in the order in which people would want to read what they found. */
export const preflightChecks = {
  identity,
  'security-on': securityOn,
  'api-key-service-on': apiKeyServiceOn,
  versions,
  license,
  privileges,
  'nodes-present': nodesPresent,
  'agents-joined': agentsJoined,
  'agents-online': agentsOnline,
  'agents-answer': agentsAnswer,
  'agent-beside-its-node': sameNode,
  'settings-file-editable': settingsFiles,
  'configuration-writable': writable,
  'keystore-readable': keystores,
  clocks,
  'roles-connect': someConnect,
  'ports-fixed': portsFixed,
  'ports-of-one-host': portsOfOneHost,
  'remote-host-fits': remoteHostFits,
  'beyond-loopback': beyondLoopback,
  'alias-free-or-ours': aliasFree,
  'server-certificate-ours': foreignServer,
  'trust-by-pem': foreignTruststore,
  'certificate-authority': certificateAuthority,
  'given-certificates': givenCertificates,
  'key-end': keyEnd,
  'address-kept-for-others': addressKept,
  'paths-open': pathsOpen,
} as const satisfies Record<string, Check>;

/** Runs every check; an empty list means that the connection can be planned. */
export const preflight = (input: PreflightInput): Finding[] =>
  Object.entries(preflightChecks).flatMap(([check, { code, run }]) =>
    run(input).map((message) => ({ check, code, message })),
  );
