import { asRemoraError, RemoraError } from '@remora/shared/errors.ts';
import type { FastifyError } from 'fastify';
import { isStoreFailure } from '../store/store-failure.ts';
import type { Problem } from './schemas/problem.ts';

/** Client errors that Fastify itself finds before a route runs: bad JSON, a body too large, a wrong media type. */
const fromFastify = (error: Partial<FastifyError>): RemoraError | null => {
  if (error.validation) {
    const findings = error.validation.map((finding) => {
      const where = [error.validationContext, ...finding.instancePath.split('/').filter(Boolean)].join('.');
      const allowed = finding.params.allowedValues;
      const extra = finding.params.additionalProperty;
      const more = Array.isArray(allowed) ? `: ${allowed.join(', ')}` : typeof extra === 'string' ? `: ${extra}` : '';
      return `${where} ${finding.message ?? 'is not valid'}${more}`;
    });
    return new RemoraError('bad-input', `The request is not valid: ${findings.join('; ')}.`);
  }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new RemoraError('bad-input', 'The request is too large for this address.');
  }
  const isClientError = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
  return isClientError
    ? new RemoraError('bad-input', `The request cannot be read: ${error.message ?? error.code}.`)
    : null;
};

/** Anything that a route threw, as an error of the table. */
export const toRemoraError = (error: unknown): RemoraError => {
  if (error instanceof RemoraError) return error;
  if (isStoreFailure(error)) {
    return new RemoraError('store-unavailable', 'Redis did not answer, so nothing was read or changed.', {
      cause: error,
    });
  }
  return (error instanceof Error ? fromFastify(error as Partial<FastifyError>) : null) ?? asRemoraError(error);
};

/** RFC 9457. An `internal` fault says nothing of its cause: that is in the log. */
export const toProblem = (error: unknown): Problem => {
  const known = toRemoraError(error);
  return {
    type: `urn:remora:error:${known.code}`,
    title: known.kind.meaning,
    status: known.kind.status,
    code: known.code,
    detail: known.code === 'internal' ? 'The coordinator met a fault of its own.' : known.message,
    hint: known.hint,
    findings: [...known.findings],
  };
};
