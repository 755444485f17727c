import { aBundle, aCloud, aConnectionByHand, aPassword, aSecuredTransport } from './given.ts';
import type { Stack } from './stack/stack.ts';

/** The changes that are broken, as requests of the HTTP API. `plan` answers what would still have to be done. */
interface Workflow {
  /** Of the run that was carried out before, `RUN` is the id. */
  readonly path: string;
  readonly body: object;
  /** Workflows that are carried out undisturbed before. */
  readonly after: readonly string[];
  /** Once done, the same plan is empty. */
  readonly settles: boolean;
  /** Of the change, beside those of all. */
  readonly options?: object;
  /** Makes ready what it needs beside the clusters; answers more of the body. */
  readonly given?: (stack: Stack) => Promise<object>;
}

const connect = { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff', search: ['logs-*'] };
const signed = { ...connect, certificateIdentity: 'CN=eu-signer,O=Example' };
/** What an agent takes back is taken up by hand, as in the other workflows. */
const stops = { options: { onFailure: 'stop' } };

export const workflows = {
  connect: { path: '/connections', body: connect, after: [], settles: true },
  disconnect: {
    path: '/connections/removal',
    body: { local: 'eu', alias: 'us' },
    ...{ after: ['connect'], settles: false },
  },
  restart: { path: '/restarts', body: { cluster: 'us' }, after: [], settles: false },
  'rotate-certificates': {
    path: '/certificates/rotation',
    body: { cluster: 'us' },
    ...{ after: ['connect'], settles: false },
  },
  'rotate-ca': { path: '/cas/rotation', body: { ca: 'us-remote' }, after: ['connect'], settles: false },
  'rotate-key': {
    path: '/api-keys/rotation',
    body: { local: 'eu', alias: 'us', grace: '500ms' },
    ...{ after: ['connect'], settles: false, ...stops },
  },
  rollback: { path: '/runs/RUN/rollback', body: {}, after: ['connect'], settles: false },
  'create-key': {
    path: '/api-keys/creation',
    body: { remote: 'us', for: 'partner', mode: 'sniff', search: ['logs-*'] },
    ...{ after: [], settles: true },
  },
  'connect-foreign': {
    path: '/connections/foreign',
    body: { local: 'eu', alias: 'theirs', name: 'partner', mode: 'sniff' },
    ...{ after: ['create-key'], settles: true, given: aBundle },
  },
  'sign-requests': { path: '/connections', body: signed, after: ['connect'], settles: true, ...stops },
  'sign-no-more': {
    path: '/connections',
    body: connect,
    ...{ after: ['connect', 'sign-requests'], settles: true, ...stops },
  },
  adopt: {
    path: '/connections/adoption',
    body: { local: 'eu', alias: 'us', revokeOld: true },
    ...{ after: [], settles: true, ...stops, given: aConnectionByHand },
  },
  'connect-certificate': {
    path: '/connections/by-certificate',
    body: { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff' },
    ...{ after: [], settles: true, given: aSecuredTransport },
  },
  migrate: {
    path: '/connections/migration',
    body: { local: 'eu', alias: 'us', to: 'api_key', search: ['logs-*'], removeTrust: true },
    ...{ after: ['connect-certificate'], settles: true, ...stops },
  },
  'trust-restrictions': {
    path: '/trust-restrictions',
    body: { cluster: 'us', allow: ['*.node.eu.cluster.acme.account'] },
    ...{ after: [], settles: true, given: aSecuredTransport },
  },
  'apply-role': {
    path: '/roles',
    body: { local: 'eu', alias: 'us', name: 'staff', search: ['logs-*'] },
    ...{ after: ['connect'], settles: true, given: aPassword },
  },
  'cloud-deployment': {
    path: '/cloud-deployments',
    body: { cloud: 'acme', deployment: 'd1' },
    ...{ after: ['connect'], settles: true, given: aCloud },
  },
} as const satisfies Record<string, Workflow>;

export type WorkflowName = keyof typeof workflows;
export const optionsOf = (workflow: WorkflowName): object => ({
  acceptOutage: true,
  ...(workflows[workflow] as Workflow).options,
});
/** Those that are carried out before it, in order. */
export const beforeIt = (workflow: WorkflowName): readonly WorkflowName[] =>
  (workflows[workflow] as Workflow).after as readonly WorkflowName[];
/** What it needs beside the clusters, made ready; answers the whole body. */
export const bodyOf = async (stack: Stack, workflow: WorkflowName): Promise<object> => {
  const { body, given } = workflows[workflow] as Workflow;
  return { ...body, ...(await given?.(stack)) };
};
export const workflowNames = Object.keys(workflows) as WorkflowName[];
