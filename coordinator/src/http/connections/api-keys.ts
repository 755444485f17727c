import { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import { KeyList } from '@remora/shared/model/keys/key-view.ts';
import { HandedKey, HandOutRequest, KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { KeyRevokeRequest, KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['api-keys'];

export const apiKeyRoutes = (app: App, { apiKeys }: Pick<Services, 'apiKeys'>): void => {
  app.get(
    '/api-keys',
    {
      schema: {
        tags,
        summary: 'The cross-cluster API keys of all clusters, and which connections have them',
        response: { 200: KeyList },
      },
    },
    () => apiKeys.list(),
  );
  changeRoutes(
    app,
    {
      ...{ address: '/api-keys/rotation', tags, Wish: KeyRotateRequest },
      summaries: {
        plan: 'What the replacement of keys would do; changes nothing',
        start: 'Replace the keys of connections without a gap; answers the run at once',
      },
    },
    apiKeys.rotation,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/api-keys/revocation', tags, Wish: KeyRevokeRequest },
      summaries: {
        plan: 'Which keys of a connection would be invalidated; changes nothing',
        start: 'Invalidate the keys of a connection, which then stops; answers the run at once',
      },
    },
    apiKeys.revocation,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/api-keys/creation', tags, Wish: KeyCreateRequest },
      summaries: {
        plan: 'What making a key for the cluster of others would do; changes nothing',
        start: 'Make the remote half of a connection whose local cluster others run; answers the run at once',
      },
    },
    apiKeys.creation,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/api-keys/handed-out/revocation', tags, Wish: HandedKey },
      summaries: {
        plan: 'Which keys that were made for others would be invalidated; changes nothing',
        start: 'Invalidate the keys that were made for others; answers the run at once',
      },
    },
    apiKeys.handedRevocation,
  );
  // Not idempotent by a key: what is answered must be kept nowhere.
  app.post(
    '/api-keys/handed-out/bundle',
    {
      schema: {
        tags,
        summary: 'Hand out a key that was made for others, with all that they need; recorded each time',
        body: HandOutRequest,
        response: { 200: KeyBundle },
      },
    },
    async ({ body, actor }, reply) => {
      reply.header('cache-control', 'no-store');
      return apiKeys.handOut(body, actor);
    },
  );
};
