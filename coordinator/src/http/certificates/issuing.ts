import {
  CertificateFiles,
  IssuePreview,
  IssueRequest,
  IssueWish,
} from '@remora/shared/model/certificates/issue-request.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';

const tags = ['certificates'];
/** Each needs a key of its own, which takes up to a second: more of them are asked for in several requests. */
export const MOST_AT_ONCE = 20;
/** Of a request that names a thousand certificates, or brings them. */
export const MANY_BYTES = 8 * 1024 * 1024;

const { instances, ...more } = IssueRequest.properties;
const IssueBody = Type.Object(
  { ...more, instances: Type.Array(instances.items, { minItems: 1, maxItems: MOST_AT_ONCE }) },
  { additionalProperties: false },
);

export const issuingRoutes = (app: App, { issuing }: Pick<Services, 'issuing'>): void => {
  app.post(
    '/certificates/issue/preview',
    {
      bodyLimit: MANY_BYTES,
      schema: {
        tags,
        summary: 'Check what is asked for; makes nothing',
        body: IssueWish,
        response: { 200: IssuePreview },
      },
    },
    ({ body }) => issuing.preview(body),
  );
  app.post(
    '/certificates/issue',
    {
      // The answer holds keys, so it is kept nowhere: a request that is sent again makes other ones.
      schema: {
        tags,
        summary: 'Make keys and certificates, and answer them; nothing of a key is kept',
        body: IssueBody,
        response: { 200: Type.Array(CertificateFiles) },
      },
    },
    async ({ body, actor }, reply) => {
      reply.header('cache-control', 'no-store');
      return issuing.issue(body, actor);
    },
  );
};
