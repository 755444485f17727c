import { CertificateList } from '@remora/shared/model/certificates/certificate-view.ts';
import { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['certificates'];

export const certificateRoutes = (app: App, { certificates }: Pick<Services, 'certificates'>): void => {
  app.get(
    '/certificates',
    {
      schema: {
        tags,
        summary: 'Every certificate of every node: on disk, configured and served',
        response: { 200: CertificateList },
      },
    },
    () => certificates.list(),
  );
  changeRoutes(
    app,
    {
      ...{ address: '/certificates/rotation', tags, Wish: RotateRequest },
      summaries: {
        plan: 'What a rotation would do; changes nothing',
        start: 'Replace certificates under their names and passwords, without a restart; answers the run at once',
      },
    },
    certificates.rotation,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/certificates/placement', tags, Wish: PlaceRequest },
      summaries: {
        plan: 'What a placement would do; changes nothing',
        start:
          "Place certificates of a CA on the transport or HTTP ports of a cluster's nodes; answers the run at once",
      },
    },
    certificates.placement,
  );
};
