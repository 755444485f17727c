import {
  TrustRestrictionsRemoval,
  TrustRestrictionsRequest,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['certificates'];

export const trustRestrictionRoutes = (app: App, { trustRestrictions }: Pick<Services, 'trustRestrictions'>): void => {
  changeRoutes(
    app,
    {
      ...{ address: '/trust-restrictions', tags, Wish: TrustRestrictionsRequest },
      summaries: {
        plan: 'What it would do to restrict whom nodes trust; changes nothing',
        start: 'Restrict whom the nodes of a cluster let in on their transport ports; answers the run at once',
      },
    },
    trustRestrictions.set,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/trust-restrictions/removal', tags, Wish: TrustRestrictionsRemoval },
      summaries: {
        plan: 'What it would do to take trust restrictions out; changes nothing',
        start: 'Take the trust restrictions of a cluster out; answers the run at once',
      },
    },
    trustRestrictions.removal,
  );
};
