import { ForeignConnectRequest, GivenKey, KeptKey } from '@remora/shared/model/requests/foreign-connect-request.ts';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['connections'];

export const foreignConnectionRoutes = (app: App, { connections }: Pick<Services, 'connections'>): void => {
  app.post(
    '/connections/foreign/keys',
    {
      schema: {
        tags,
        summary: 'Seal a key that others made for a connection; answers by which secret it is called, never the key',
        body: GivenKey,
        response: { 200: KeptKey },
      },
    },
    ({ body, actor }) => connections.foreign.keepKey(body, actor),
  );
  changeRoutes(
    app,
    {
      ...{ address: '/connections/foreign', tags, Wish: ForeignConnectRequest },
      summaries: {
        plan: 'What connect with a key of others would do; changes nothing',
        start: 'Connect a cluster to one that others run, who gave the key; answers the run at once',
      },
    },
    connections.foreign,
  );
};
