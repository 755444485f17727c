import { CertificateFiles, FileForm } from '@remora/shared/model/certificates/issue-request.ts';
import {
  GivenCertificates,
  NewSigningRequest,
  SignedFiles,
  SigningRequestView,
  SigningWish,
} from '@remora/shared/model/certificates/signing-request.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { MANY_BYTES, MOST_AT_ONCE } from './issuing.ts';

const tags = ['certificates'];
const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });
const address = '/certificates/requests';

const { instances, ...more } = SigningWish.properties;
const SigningBody = Type.Object(
  { ...more, instances: Type.Array(instances.items, { minItems: 1, maxItems: MOST_AT_ONCE }) },
  { additionalProperties: false },
);

type Requests = Pick<Services, 'signingRequests'>;

/** Of certificates that come from elsewhere. */
const takingRoutes = (app: App, { signingRequests }: Requests): void => {
  app.post(
    `${address}/accept`,
    {
      bodyLimit: MANY_BYTES,
      config: { idempotent: 'body' },
      schema: {
        tags,
        summary: 'Take signed certificates back, all or none; each is checked against what was asked for',
        body: SignedFiles,
        response: { 200: Type.Array(SigningRequestView) },
      },
    },
    ({ body, actor }) =>
      signingRequests.accept(
        body.files.map(({ name, content }) => ({ name, content: Buffer.from(content, 'base64') })),
        actor,
      ),
  );
  app.post(
    `${address}/given`,
    {
      bodyLimit: MANY_BYTES,
      config: { idempotent: 'address' },
      schema: {
        tags,
        summary: 'Take certificates that were made elsewhere, with their keys, all or none; each is checked',
        body: GivenCertificates,
        response: { 200: Type.Array(SigningRequestView) },
      },
    },
    ({ body, actor }) =>
      signingRequests.give(
        {
          ...body,
          certificates: body.certificates.map(({ name, certificate, key, passphrase = null }) => ({
            ...{ name, passphrase, certificate: Buffer.from(certificate, 'base64') },
            key: key === undefined ? null : Buffer.from(key, 'base64'),
          })),
        },
        actor,
      ),
  );
};

export const signingRequestRoutes = (app: App, services: Requests): void => {
  const { signingRequests } = services;
  takingRoutes(app, services);
  app.get(
    address,
    {
      schema: {
        tags,
        summary: 'Requests to CAs that sign elsewhere',
        response: { 200: Type.Array(SigningRequestView) },
      },
    },
    () => signingRequests.list(),
  );
  app.post(
    address,
    {
      config: { idempotent: 'body' },
      schema: {
        tags,
        summary: 'Make keys, which are sealed, and requests to be signed elsewhere',
        body: SigningBody,
        response: { 201: Type.Array(NewSigningRequest) },
      },
    },
    async ({ body, actor }, reply) => reply.code(201).send(await signingRequests.create(body, actor)),
  );
  app.post(
    `${address}/:id/files`,
    {
      // The answer holds a key, so it is kept nowhere.
      schema: {
        tags,
        summary: 'The files of a certificate that came back, with its key',
        params: Id,
        body: FileForm,
        response: { 200: CertificateFiles },
      },
    },
    ({ params, body }, reply) => {
      reply.header('cache-control', 'no-store');
      return signingRequests.files(params.id, body);
    },
  );
  app.delete(
    `${address}/:id`,
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Forget a request, with its key', params: Id, response: { 204: Type.Null() } },
    },
    async ({ params, actor }, reply) => {
      await signingRequests.remove(params.id, actor);
      return reply.code(204).send(null);
    },
  );
};
