/** Workflows whose runs are not taken back whatever they did: why, and what to do. */
export const notTakenBack: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  rollback: ['it took another run back itself', 'Give the command of that other run again.'],
  disconnect: [
    'it took a connection apart, whose API key cannot be made valid again',
    'Make the connection again with `remora connect`.',
  ],
  'revoke-handed-key': [
    'it invalidated API keys, which cannot be made valid again',
    'Make another with `remora api-keys create`, and have its file used.',
  ],
  'cloud-deployment': [
    'it changed a deployment in Elastic Cloud, which does not tell the key that stood there',
    'Give another `remora clouds key` or `remora clouds trust`, which makes it what it shall be.',
  ],
};
