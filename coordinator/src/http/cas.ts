import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';
import { CaView } from './schemas/ca-view.ts';

const tags = ['certificates'];
const Name = Type.Object({ name: Type.String({ minLength: 1 }) });
const CaCertificate = Type.Object({ name: Type.String(), certificatePem: Type.String() });

export const caRoutes = (app: App, { cas }: Pick<Services, 'cas'>): void => {
  app.get('/cas', { schema: { tags, summary: 'All CAs', response: { 200: Type.Array(CaView) } } }, () => cas.list());
  app.get(
    '/cas/:name/certificate',
    { schema: { tags, summary: "A CA's certificate", params: Name, response: { 200: CaCertificate } } },
    async ({ params }) => ({ name: params.name, certificatePem: await cas.export(params.name) }),
  );
};
