import type { Executor } from '../executor.ts';

/** Repeating it changes nothing more. */
export const putBackRecordsStep: Executor<'inventory.put-back'> = async (context, { records }) => {
  for (const one of records) {
    switch (one.collection) {
      case 'connections':
        await context.file(one.collection, one.id, one.record);
        break;
      case 'cas':
        await context.file(one.collection, one.id, one.record);
        break;
      case 'certificates':
        await context.file(one.collection, one.id, one.record);
        break;
      case 'signingCertificates':
        await context.file(one.collection, one.id, one.record);
        break;
      case 'deploymentTrusts':
        await context.file(one.collection, one.id, one.record);
        break;
      case 'apiKeys':
        await context.file(one.collection, one.id, one.record);
        break;
    }
  }
  return null;
};

export const rollbackStep: Executor<'run.rollback'> = async (context, { run }) => {
  await context.rolledBack(run);
  return null;
};
