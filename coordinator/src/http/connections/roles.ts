import { RoleCheck, RoleList } from '@remora/shared/model/keys/role-view.ts';
import {
  GivenPassword,
  KeptPassword,
  RoleApplyRequest,
  RoleRemoveRequest,
} from '@remora/shared/model/requests/role-request.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';

const tags = ['roles'];
const Connection = Type.Object(
  { local: Type.String({ minLength: 1 }), alias: Type.String({ minLength: 1 }) },
  { additionalProperties: false },
);

export const roleRoutes = (app: App, { roles }: Pick<Services, 'roles'>): void => {
  app.get(
    '/roles',
    {
      schema: {
        tags,
        summary: 'The roles of all clusters that have to do with connections, and what differs from what Remora made',
        response: { 200: RoleList },
      },
    },
    () => roles.list(),
  );
  app.get(
    '/roles/check',
    {
      schema: {
        tags,
        summary: 'Whether the key of a connection covers what each role grants over it',
        querystring: Connection,
        response: { 200: Type.Array(RoleCheck) },
      },
    },
    ({ query }) => roles.check(query.local, query.alias),
  );
  app.post(
    '/roles/passwords',
    {
      schema: {
        tags,
        summary: "Seal a user's password, or say by which secret it would be called; answers that, never the password",
        body: GivenPassword,
        response: { 200: KeptPassword },
      },
    },
    ({ body, actor }) => roles.keepPassword(body, actor),
  );
  changeRoutes(
    app,
    {
      ...{ address: '/roles', tags, Wish: RoleApplyRequest },
      summaries: {
        plan: 'What a role for a connection would change; changes nothing',
        start: 'Make or change a role for a connection, and give it to a user; answers the run at once',
      },
    },
    roles.application,
  );
  changeRoutes(
    app,
    {
      ...{ address: '/roles/removal', tags, Wish: RoleRemoveRequest },
      summaries: {
        plan: 'What the removal of a role would change; changes nothing',
        start: 'Remove a role that Remora made; answers the run at once',
      },
    },
    roles.removal,
  );
};
