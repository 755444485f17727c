export type * from '../plan/records.ts';
