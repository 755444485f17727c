import { DoctorLine } from '@remora/shared/model/inventory.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

export const doctorRoutes = (app: App, services: Pick<Services, 'doctor'>): void => {
  app.get(
    '/doctor',
    {
      schema: {
        tags: ['doctor'],
        summary: 'Checks of coordinator, Redis, agents, clusters and clocks',
        response: { 200: Type.Array(DoctorLine) },
      },
    },
    () => services.doctor(),
  );
};
