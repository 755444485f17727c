import { NodeView } from '@remora/shared/model/inventory.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';

const Name = Type.Object({ name: Type.String({ minLength: 1 }) });
const OfCluster = Type.Object(
  { cluster: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
);

export const nodeRoutes = (app: App, { nodes }: Pick<Services, 'nodes'>): void => {
  app.get(
    '/nodes',
    { schema: { tags: ['nodes'], summary: 'All nodes with an agent', response: { 200: Type.Array(NodeView) } } },
    () => nodes.list(),
  );
  app.get(
    '/nodes/:name',
    {
      schema: {
        tags: ['nodes'],
        summary: 'One node',
        params: Name,
        querystring: OfCluster,
        response: { 200: NodeView },
      },
    },
    ({ params, query }) => nodes.show(params.name, query.cluster),
  );
  app.delete(
    '/nodes/:name',
    {
      config: { idempotent: 'address' },
      schema: {
        tags: ['nodes'],
        summary: "Forget a node; its agent's certificate is no longer accepted",
        params: Name,
        querystring: OfCluster,
        response: { 204: Type.Null() },
      },
    },
    async ({ params, query, actor }, reply) => {
      await nodes.remove(params.name, query.cluster, actor);
      return reply.code(204).send(null);
    },
  );
};
