import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CloudApi } from '../../../support/cloud-api.ts';
import { standing } from '../standing.ts';
import type { Bed } from './bed.ts';

/** A deployment in Elastic Cloud is not trusted where its neighbours would be, too. */
export const cloudTrustSuite = (bed: () => Bed): void => {
  test('nodes whose certificates have no names do not trust a deployment: refused before anything is changed', async () => {
    const { fleet, us } = bed();
    await using api = await CloudApi.start();
    await fleet.json(['ca', 'create', 'region', '--common-name', 'Region']);
    api.add({ id: 'd1', name: 'logs', ca: (await fleet.cli(['ca', 'export', 'region'])).stdout });
    const key = join(fleet.directory, 'cloud-key');
    await writeFile(key, api.apiKey);
    await fleet.json(['clouds', 'add', 'acme', '--api-key-file', key, '--url', api.url]);
    const before = await standing(us);
    const trusting = ['trust-restrictions', 'set', 'us', '--deployment'];
    const refused = await fleet.cli([...trusting, 'acme/d1', '--allow', '*.account', '--yes']);
    expect([refused.code, refused.stderr]).toEqual([
      64,
      expect.stringMatching(/--allow \*\.account lets in nodes of organizations .*no name of the kind otherName/s),
    ]);
    const unknown = await fleet.cli([...trusting, 'acme/d9', '--yes']);
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining('deployments.deployment_not_found')]);
    const nothing = await fleet.cli(['trust-restrictions', 'remove', 'us', '--deployment', 'acme/d1', '--check']);
    expect([nothing.code, await standing(us)]).toEqual([0, before]);
    await fleet.json(['clouds', 'remove', 'acme', '--yes']);
    await fleet.json(['ca', 'remove', 'region', '--yes']);
  });
};
