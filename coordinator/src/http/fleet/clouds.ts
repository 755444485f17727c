import { CloudInput, CloudView, DeploymentView } from '@remora/shared/model/clouds/cloud.ts';
import { CloudChangeRequest } from '@remora/shared/model/clouds/cloud-change.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['clouds'];
const Name = Type.Object({ name: Type.String({ minLength: 1 }) });
const Deployment = Type.Object({ name: Type.String({ minLength: 1 }), deployment: Type.String({ minLength: 1 }) });

export const cloudRoutes = (app: App, { clouds }: Pick<Services, 'clouds'>): void => {
  app.get(
    '/clouds',
    { schema: { tags, summary: 'Clouds, with their deployments', response: { 200: Type.Array(CloudView) } } },
    () => clouds.list(),
  );
  app.put(
    '/clouds/:name',
    {
      config: { idempotent: 'address' },
      schema: {
        ...{ tags, params: Name, body: CloudInput, response: { 200: CloudView } },
        summary: 'Add a cloud, or give a known one another address and API key; it is asked first',
      },
    },
    ({ params, body, actor }) => clouds.add(params.name, body, actor),
  );
  app.get(
    '/clouds/:name',
    { schema: { tags, summary: 'One cloud, with its deployments', params: Name, response: { 200: CloudView } } },
    ({ params }) => clouds.show(params.name),
  );
  app.get(
    '/clouds/:name/deployments/:deployment',
    {
      schema: {
        ...{ tags, params: Deployment, response: { 200: DeploymentView } },
        summary: 'A deployment: its Elasticsearch, its keys of remote clusters, whom it trusts and how it is trusted',
      },
    },
    ({ params }) => clouds.deployment(params.name, params.deployment),
  );
  changeRoutes(
    app,
    {
      ...{ address: '/cloud-deployments', tags, Wish: CloudChangeRequest },
      summaries: {
        plan: 'What a change of a deployment would do; changes nothing',
        start: 'Change the keys of a deployment, or whom it trusts; answers the run at once',
      },
    },
    clouds.change,
  );
  app.delete(
    '/clouds/:name',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Forget a cloud and its API key', params: Name, response: { 204: Type.Null() } },
    },
    async ({ params, actor }, reply) => {
      await clouds.remove(params.name, actor);
      return reply.code(204).send(null);
    },
  );
};
