import { KeyRevokeRequest, KeyRotateRequest } from '@remora/shared/model/key-request.ts';
import { KeyList } from '@remora/shared/model/key-view.ts';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';
import { changeRoutes } from './change-routes.ts';

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
};
