import { ClusterAdded, ClusterView } from '@remora/shared/model/inventory.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';

const ClusterBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 63 }),
    /** None of a deployment whose cloud says where it is. */
    urls: Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 100 }),
    caPem: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
    user: Type.String({ minLength: 1, maxLength: 1024 }),
    password: Type.String({ minLength: 1, maxLength: 4096 }),
    allowPlainHttp: Type.Optional(Type.Boolean()),
    /** A deployment of a cloud that is known. */
    deployment: Type.Optional(
      Type.Object(
        {
          cloud: Type.String({ minLength: 1, maxLength: 63 }),
          id: Type.String({ minLength: 1, maxLength: 255 }),
        },
        { additionalProperties: false },
      ),
    ),
    /** Has the user be made first, or brought up to date, with the least that Remora needs. Credentials of the administrator are not kept. */
    creation: Type.Optional(
      Type.Object(
        {
          adminUser: Type.String({ minLength: 1, maxLength: 1024 }),
          adminPassword: Type.String({ minLength: 1, maxLength: 4096 }),
          aliases: Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 200 }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
const Name = Type.Object({ name: Type.String({ minLength: 1 }) });
/** Keys that were made for others may live on. */
const Removal = Type.Object({ leaveKeys: Type.Optional(Type.Literal('true')) }, { additionalProperties: false });

export const clusterRoutes = (app: App, { clusters }: Pick<Services, 'clusters'>): void => {
  app.get(
    '/clusters',
    { schema: { tags: ['clusters'], summary: 'All clusters', response: { 200: Type.Array(ClusterView) } } },
    () => clusters.list(),
  );
  app.post(
    '/clusters',
    {
      config: { idempotent: 'address' },
      schema: {
        tags: ['clusters'],
        summary: 'Add a cluster, or give a known one other URLs, another CA, user and password',
        body: ClusterBody,
        response: { 200: ClusterAdded, 201: ClusterAdded },
      },
    },
    async ({ body, actor }, reply) => {
      const added = await clusters.add({ ...body, allowPlainHttp: body.allowPlainHttp ?? false }, actor);
      return reply.code(added.updated ? 200 : 201).send(added);
    },
  );
  app.get(
    '/clusters/:name',
    { schema: { tags: ['clusters'], summary: 'One cluster', params: Name, response: { 200: ClusterView } } },
    ({ params }) => clusters.show(params.name),
  );
  app.delete(
    '/clusters/:name',
    {
      config: { idempotent: 'address' },
      schema: {
        ...{ tags: ['clusters'], summary: 'Forget a cluster', params: Name, response: { 204: Type.Null() } },
        querystring: Removal,
      },
    },
    async ({ params, query, actor }, reply) => {
      await clusters.remove(params.name, actor, { leaveKeys: query.leaveKeys === 'true' });
      return reply.code(204).send(null);
    },
  );
};
