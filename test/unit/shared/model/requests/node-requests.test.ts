import { isAllowedNodeRequest } from '@remora/shared/model/requests/node-requests.ts';
import { expect, test } from 'vitest';

test.each([
  ['GET', '/'],
  ['GET', '/_nodes/_local'],
  ['GET', '/_nodes/_local/settings,process?filter_path=nodes.*.name'],
  ['GET', '/_resolve/cluster/us:*'],
  ['GET', '/_resolve/cluster/us-1_b:*?timeout=5s'],
  ['GET', '/_resolve/cluster/us:logs-*,.metrics_1'],
  ['GET', '/_remote/info'],
  ['GET', '/_ssl/certificates'],
  ['GET', '/_cluster/health?local=true'],
  ['POST', '/_nodes/_local/reload_secure_settings'],
])('%s %s is allowed', (method, path) => {
  expect(isAllowedNodeRequest(method, path)).toBe(true);
});

test.each([
  ['POST', '/'],
  ['get', '/'],
  ['DELETE', '/_ssl/certificates'],
  ['GET', '/_nodes/_local/reload_secure_settings?x=1'],
  ['POST', '/_nodes/reload_secure_settings'],
  ['GET', '/_nodes/_all'],
  ['GET', '/_nodes/_local/../../_search'],
  ['GET', '/_nodes/_local?filter_path=a&x=b'],
  ['GET', '/_resolve/cluster/*'],
  ['GET', '/_resolve/cluster/us:a/../../../_search'],
  ['GET', '/_resolve/cluster/us:*?timeout=5s&x=1'],
  // What a URL parser makes another path of.
  ['GET', '/_resolve/cluster/us:\\..\\..\\..\\_security\\api_key'],
  ['GET', '/_resolve/cluster/us:%5c..%5c_search'],
  ['GET', '/_resolve/cluster/us:a\t'],
  ['GET', '/_resolve/cluster/us:a#'],
  ['GET', '/_cluster/health'],
  ['GET', '/_search'],
  ['GET', '/_ssl/certificates\n/_search'],
  ['GET', '//'],
  ['GET', ''],
])('%s %j is not', (method, path) => {
  expect(isAllowedNodeRequest(method, path)).toBe(false);
});
