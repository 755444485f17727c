import { CertificateList } from '@remora/shared/model/certificate-view.ts';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

export const certificateRoutes = (app: App, { certificates }: Pick<Services, 'certificates'>): void => {
  app.get(
    '/certificates',
    {
      schema: {
        tags: ['certificates'],
        summary: 'Every certificate of every node: on disk, configured and served',
        response: { 200: CertificateList },
      },
    },
    () => certificates.list(),
  );
};
