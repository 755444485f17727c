import { RemoraError } from '@remora/shared/errors.ts';
import {
  checkWebhookRequest,
  type WebhookRequest,
  type WebhookTest,
  type WebhookView,
} from '@remora/shared/model/webhook.ts';
import type { Cli } from '../frame/cli.ts';
import { given, readInput, readSecret } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { toTheSecond } from '../show/text.ts';

const ADDRESS = '/notifications/webhook';

const deliveryText = (head: string, delivery: WebhookView['delivered']): string[] =>
  delivery === null ? [] : [`  ${head} ${toTheSecond(delivery.at)} ${delivery.type}: ${delivery.detail}`];

const webhookText = ({ url, secret, delivered, givenUp }: WebhookView): string =>
  [
    `News of schedules go to ${url}, signed with ${secret}.`,
    ...deliveryText('last taken', delivered),
    ...deliveryText('last given up', givenUp),
  ].join('\n');

interface SetFlags {
  readonly url: string;
  readonly secretFile: string;
  readonly ca?: string;
}

const show = async (cli: Cli): Promise<void> => {
  const found = await (await cli.client()).get<WebhookView>(ADDRESS);
  cli.answer(found, () => webhookText(found));
};

const set = async (cli: Cli, flags: SetFlags): Promise<void> => {
  const request = given<WebhookRequest>({
    url: flags.url,
    secret: await readSecret(flags.secretFile, '--secret-file'),
    caPem: flags.ca === undefined ? undefined : await readInput(flags.ca, '--ca'),
  });
  checkWebhookRequest(request);
  await (await cli.client()).put(ADDRESS, request);
  await show(cli);
};

export const register: Register = (command, cli) => {
  command
    .command('set')
    .description('send failures and reports of schedules to a webhook; given again, to another one')
    .requiredOption('--url <url>', 'where messages are posted, https://…')
    .requiredOption('--secret-file <file>', 'file that holds what they are signed with; - for stdin')
    .option('--ca <file>', "PEM file of the CA that signed its certificate (default: the system's CAs)")
    .action((flags: SetFlags) => set(cli, flags));
  command
    .command('show')
    .description('show the webhook, and how the last messages went')
    .action(() => show(cli));
  command
    .command('test')
    .description('send a test message once; exits 1 when it was not taken')
    .action(async () => {
      const result = await (await cli.client()).post<WebhookTest>(`${ADDRESS}/test`, {});
      cli.answer(result, () => (result.delivered ? `The test message was taken. ${result.detail}` : result.detail));
      if (!result.delivered) cli.exit(1);
    });
  command
    .command('remove')
    .description('send no messages any more')
    .option('--yes', 'do not ask')
    .action(async (flags: { readonly yes?: true }) => {
      if (cli.interactive && !flags.yes && !(await cli.confirm('Remove the webhook?')))
        throw new RemoraError('not-confirmed', 'Not confirmed: nothing was removed.');
      await (await cli.client()).remove(ADDRESS);
      cli.answer({ removed: 'webhook' }, () => 'Removed the webhook.');
    });
};
