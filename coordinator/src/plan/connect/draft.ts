import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { PlanContext } from '../context.ts';
import type { ConnectFacts } from '../facts.ts';
import type { SigningDraft } from './signing/signing-draft.ts';
import type { ServerWish } from './wanted.ts';

/** What the steps of the remote side are made from. */
export type ServerDraft = Pick<ConnectDraft, 'request' | 'facts' | 'context' | 'servers' | 'ca'> & {
  readonly signing?: ConnectDraft['signing'];
};

/** What the steps of both sides are made from. */
export interface ConnectDraft {
  readonly request: ConnectRequest;
  readonly facts: ConnectFacts;
  readonly context: PlanContext;
  readonly servers: readonly ServerWish[];
  readonly ca: string;
  /** The record as it shall be. */
  readonly record: ConnectionRecord;
  readonly keyConfigHash: string;
  readonly signing: SigningDraft;
  /** `cluster.remote.ALIAS.*` without the prefix. */
  readonly settings: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}
