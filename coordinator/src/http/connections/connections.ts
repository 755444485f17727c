import { ConnectionView } from '@remora/shared/model/inventory.ts';
import { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { CertificateConnectRequest } from '@remora/shared/model/requests/certificate-connect-request.ts';
import { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['connections'];
const Which = Type.Object(
  { local: Type.Optional(Type.String({ minLength: 1 })), alias: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
);
const Names = Type.Object({ local: Type.String({ minLength: 1 }), alias: Type.String({ minLength: 1 }) });

export const connectionRoutes = (app: App, { connections }: Pick<Services, 'connections'>): void => {
  app.get(
    '/connections',
    { schema: { tags, summary: 'All connections, managed or not', response: { 200: Type.Array(ConnectionView) } } },
    () => connections.list(),
  );
  app.get(
    '/connections/check',
    {
      schema: {
        tags,
        summary: 'Prove connections by a real request from every local node',
        querystring: Which,
        response: { 200: Type.Array(ConnectionView) },
      },
    },
    ({ query }) => connections.check(query.local, query.alias),
  );
  app.get(
    '/connections/:local/:alias',
    { schema: { tags, summary: 'One connection', params: Names, response: { 200: ConnectionView } } },
    ({ params }) => connections.show(params.local, params.alias),
  );
  changeRoutes(
    app,
    {
      ...{ address: '/connections', tags, Wish: ConnectRequest },
      summaries: {
        plan: 'What connect would do; changes nothing',
        start: 'Connect two clusters, or bring a connection to other values; answers the run at once',
      },
    },
    connections,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/connections/by-certificate', tags, Wish: CertificateConnectRequest },
      summaries: {
        plan: 'What connect by certificate would do; changes nothing',
        start: 'Connect two clusters by the certificates of their transport ports; answers the run at once',
      },
    },
    connections.byCertificate,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/connections/migration', tags, Wish: MigrateRequest },
      summaries: {
        plan: 'What migrate would do; changes nothing',
        start: 'Bring a connection by certificate to API keys; answers the run at once',
      },
    },
    connections.migration,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/connections/removal', tags, Wish: DisconnectRequest },
      summaries: {
        plan: 'What disconnect would do; changes nothing',
        start: 'Take a connection apart; answers the run at once',
      },
    },
    connections.removal,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/connections/adoption', tags, Wish: AdoptRequest },
      summaries: {
        plan: 'What adopt would do; changes nothing',
        start: 'Take over a connection that people made by hand; answers the run at once',
      },
    },
    connections.adoption,
  );
};
