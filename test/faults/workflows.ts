/** The changes that are broken, as requests of the HTTP API. `plan` answers what would still have to be done. */
interface Workflow {
  /** Of the run that was carried out before, `RUN` is the id. */
  readonly path: string;
  readonly body: object;
  /** What is carried out undisturbed before. */
  readonly after: 'connect' | null;
  /** Once done, the same plan is empty. */
  readonly settles: boolean;
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
  rollback: { path: '/runs/RUN/rollback', body: {}, after: 'connect', settles: false },
} as const satisfies Record<string, Workflow>;

export type WorkflowName = keyof typeof workflows;
export const workflowNames = Object.keys(workflows) as WorkflowName[];
