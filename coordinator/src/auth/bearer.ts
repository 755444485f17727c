import { timingSafeEqual } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { hashToken } from './admin-token.ts';

/** Who an Authorization header speaks for; throws `not-allowed` (RFC 6750). */
export type BearerCheck = (authorization: string | undefined) => string;

/** Accepts the one admin token; compared by hash in constant time, so that neither length nor content leaks through timing. */
export const bearerCheck =
  (adminTokenHash: Buffer): BearerCheck =>
  (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new RemoraError('not-allowed', 'The request carries no bearer token.');
    if (!timingSafeEqual(hashToken(token), adminTokenHash)) {
      throw new RemoraError('not-allowed', 'The coordinator does not know this token.');
    }
    return 'admin';
  };
