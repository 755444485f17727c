/**
 * Whether tests that keep real clusters busy for minutes are left out: `REMORA_SKIP_LONG=1`, for machines that have half an hour for all tests. They count as
 * skipped, and this says so.
 */
export const skipsLongTests = (process.env.REMORA_SKIP_LONG ?? '') !== '';

if (skipsLongTests)
  console.warn('SKIPPED: long tests on real clusters, since REMORA_SKIP_LONG is set; `npm test` without it runs them');
