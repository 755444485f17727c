import type { ErrorCode } from '@remora/shared/errors.ts';
import { givenCertificates } from '../given.ts';
import { addressKept, beyondLoopback, pathsOpen, remoteHostFits } from './preflight-addresses.ts';
import { serversAsTheyAre } from './preflight-adopted.ts';
import { aliasFree } from './preflight-alias.ts';
import type { Check, PreflightInput } from './preflight-check.ts';
import { apiKeyServiceOn, license, privileges, securityOn, versions } from './preflight-clusters.ts';
import {
  certificateAuthority,
  foreignServer,
  foreignTruststore,
  keyEnd,
  publicTrust,
  someConnect,
} from './preflight-connection.ts';
import { deploymentFits } from './preflight-deployment.ts';
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
import { signingFits, signingOurs, signingWorks } from './preflight-signing.ts';
import { staticNodesConnect, staticSettingsCount, staticUnsigned } from './preflight-static.ts';

/** A check that did not hold: which one, and a sentence that says what was found and what to do. */
export interface Finding {
  readonly check: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** All checks by name, in the order in which people would want to read what they found. */
export const preflightChecks = {
  'security-on': securityOn,
  'api-key-service-on': apiKeyServiceOn,
  versions,
  'deployment-fits': deploymentFits,
  'signing-possible': signingWorks,
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
  'static-nodes-connect': staticNodesConnect,
  'static-settings-count': staticSettingsCount,
  'static-unsigned': staticUnsigned,
  'server-certificate-ours': foreignServer,
  'servers-as-they-are': serversAsTheyAre,
  'trust-by-pem': foreignTruststore,
  'public-trust-kept': publicTrust,
  'certificate-authority': certificateAuthority,
  'given-certificates': givenCertificates,
  'key-end': keyEnd,
  'address-kept-for-others': addressKept,
  'signing-subject': signingFits,
  'signing-ours': signingOurs,
  'paths-open': pathsOpen,
} as const satisfies Record<string, Check>;

/** Checks of the remote cluster alone: of one whose server is on nothing is touched, and so nothing is asked of its nodes. */
const remoteChecks: Readonly<Record<'always' | 'setUp', readonly (keyof typeof preflightChecks)[]>> = {
  always: ['security-on', 'api-key-service-on', 'license'],
  setUp: [
    ...(['nodes-present', 'agents-joined', 'agents-online', 'agents-answer', 'agent-beside-its-node'] as const),
    ...(['settings-file-editable', 'configuration-writable', 'keystore-readable', 'clocks', 'ports-fixed'] as const),
    ...(['ports-of-one-host', 'remote-host-fits', 'server-certificate-ours', 'certificate-authority'] as const),
    ...(['given-certificates', 'address-kept-for-others'] as const),
  ],
};

/** What stands against making the remote half alone. */
export const remoteFindings = (input: PreflightInput, isOn: boolean): Finding[] =>
  [...remoteChecks.always, ...(isOn ? [] : remoteChecks.setUp)].flatMap((check) => {
    const { code, run } = preflightChecks[check];
    return run(input).map((message) => ({ check, code, message }));
  });

/** Runs every check; an empty list means that the connection can be planned. */
export const preflight = (input: PreflightInput): Finding[] =>
  Object.entries(preflightChecks).flatMap(([check, { code, run }]) =>
    run(input).map((message) => ({ check, code, message })),
  );
