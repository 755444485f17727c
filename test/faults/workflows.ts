/** The changes that are broken, as requests of the HTTP API. `plan` answers what would still have to be done. */
export const workflows = {
  connect: {
    path: '/connections',
    body: { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff', search: ['logs-*'] },
    /** Once done, the same plan is empty. */
    settles: true,
  },
  restart: { path: '/restarts', body: { cluster: 'us' }, settles: false },
} as const;

export type WorkflowName = keyof typeof workflows;
export const workflowNames = Object.keys(workflows) as WorkflowName[];
