import { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import Type from 'typebox';
import { ownCa } from '../../plan/trust/ca-names.ts';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { changeRoutes } from '../runs/change-routes.ts';
import { CaView } from '../schemas/ca-view.ts';

const tags = ['certificates'];
const Name = Type.Object({ name: Type.String({ minLength: 1 }) });
/** Far more than a CA with its chain and key has. */
const FILE_LIMIT = 256 * 1024;
const Base64 = Type.String({ minLength: 1, maxLength: FILE_LIMIT, pattern: '^[A-Za-z0-9+/]+={0,2}$' });
const NewName = Type.String({ minLength: 1, maxLength: 63 });

const Subtrees = Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { minItems: 1, maxItems: 100 });

const CaCreationBody = Type.Object(
  {
    name: NewName,
    commonName: Type.Optional(Type.String({ minLength: 1, maxLength: 400 })),
    keyBits: Type.Optional(Type.Union([Type.Literal(3072), Type.Literal(4096)])),
    validityDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
    pathLength: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
    permit: Type.Optional(Subtrees),
    exclude: Type.Optional(Subtrees),
  },
  { additionalProperties: false },
);
const CaImportBody = Type.Object(
  {
    name: NewName,
    /** Base64 of a PEM, DER, PKCS#12 or zip file. */
    certificate: Base64,
    /** Base64 of a PEM or DER file; absent for a CA that is only trusted, and with PKCS#12. */
    key: Type.Optional(Base64),
    passphrase: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  },
  { additionalProperties: false },
);
const CaCertificate = Type.Object({ name: Type.String(), certificatePem: Type.String() });

export const caRoutes = (app: App, { cas }: Pick<Services, 'cas'>): void => {
  app.get('/cas', { schema: { tags, summary: 'All CAs', response: { 200: Type.Array(CaView) } } }, () => cas.list());
  app.get(
    '/cas/:name/certificate',
    { schema: { tags, summary: "A CA's certificate", params: Name, response: { 200: CaCertificate } } },
    async ({ params }) => ({ name: params.name, certificatePem: await cas.export(params.name) }),
  );
  app.post(
    '/cas',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Make a CA', body: CaCreationBody, response: { 201: CaView } },
    },
    async ({ body, actor }, reply) => {
      const wish = { ...ownCa, ...body };
      return reply.code(201).send(await cas.create(wish, actor));
    },
  );
  app.post(
    '/cas/import',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Take a CA that was made elsewhere', body: CaImportBody, response: { 201: CaView } },
    },
    async ({ body, actor }, reply) => {
      const { name, certificate, key, passphrase = null } = body;
      const files = {
        certificate: Buffer.from(certificate, 'base64'),
        key: key === undefined ? null : Buffer.from(key, 'base64'),
      };
      return reply.code(201).send(await cas.import({ name, ...files, passphrase }, actor));
    },
  );
  changeRoutes(
    app,
    {
      ...{ address: '/cas/rotation', tags, Wish: CaRotateRequest },
      summaries: {
        plan: 'What the rotation of a CA would do; changes nothing',
        start: 'Have another CA take the place of one, without a restart; answers the run at once',
      },
    },
    cas.rotation,
  );
  app.delete(
    '/cas/:name',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Forget a CA, with its key', params: Name, response: { 204: Type.Null() } },
    },
    async ({ params, actor }, reply) => {
      await cas.remove(params.name, actor);
      return reply.code(204).send(null);
    },
  );
};
