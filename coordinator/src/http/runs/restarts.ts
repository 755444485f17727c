import { RestartRequest } from '@remora/shared/model/requests/restart-request.ts';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from './change-routes.ts';

export const restartRoutes = (app: App, { restarts }: Pick<Services, 'restarts'>): void =>
  changeRoutes(
    app,
    {
      ...{ address: '/restarts', tags: ['restarts'], Wish: RestartRequest },
      summaries: {
        plan: 'What a restart would do; changes nothing',
        start: 'Restart the nodes of a cluster one by one; answers the run at once',
      },
    },
    restarts,
  );
