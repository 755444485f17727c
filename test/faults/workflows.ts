/** The changes that are broken, as requests of the HTTP API. `plan` answers what would still have to be done. */
interface Workflow {
  /** Of the run that was carried out before, `RUN` is the id. */
  readonly path: string;
  readonly body: object;
  /** What is carried out undisturbed before. */
  readonly after: 'connect' | null;
  /** Once done, the same plan is empty. */
  readonly settles: boolean;
  /** Of the change, beside those of all. */
  readonly options?: object;
}

export const workflows = {
  connect: {
    path: '/connections',
    body: { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff', search: ['logs-*'] },
    ...{ after: null, settles: true },
  },
  disconnect: {
    path: '/connections/removal',
    body: { local: 'eu', alias: 'us' },
    ...{ after: 'connect', settles: false },
  },
  restart: { path: '/restarts', body: { cluster: 'us' }, after: null, settles: false },
  'rotate-certificates': {
    path: '/certificates/rotation',
    body: { cluster: 'us' },
    ...{ after: 'connect', settles: false },
  },
  'rotate-ca': { path: '/cas/rotation', body: { ca: 'us-remote' }, after: 'connect', settles: false },
  'rotate-key': {
    path: '/api-keys/rotation',
    body: { local: 'eu', alias: 'us', grace: '500ms' },
    ...{ after: 'connect', settles: false },
    // What an agent takes back is taken up by hand, as in the other workflows.
    options: { onFailure: 'stop' },
  },
  rollback: { path: '/runs/RUN/rollback', body: {}, after: 'connect', settles: false },
} as const satisfies Record<string, Workflow>;

export type WorkflowName = keyof typeof workflows;
export const optionsOf = (workflow: WorkflowName): object => ({
  acceptOutage: true,
  ...(workflows[workflow] as Workflow).options,
});
export const workflowNames = Object.keys(workflows) as WorkflowName[];
