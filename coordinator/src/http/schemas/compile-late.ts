import { AjvCompiler } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';

/** Values are taken as they are: nothing is converted, and what a schema does not name is refused where it says so, never dropped. */
const strict = { removeAdditional: false, coerceTypes: false, allErrors: false } as const;

/** Compiles a route's schema when the route is first called: for all routes at once it would be a good part of the coordinator's start. */
export const lazyValidation = (): FastifySchemaCompiler<unknown> => {
  let compile: ReturnType<ReturnType<typeof AjvCompiler>> | undefined;
  return ({ schema }) => {
    let check: ReturnType<NonNullable<typeof compile>> | undefined;
    return (data: unknown) => {
      compile ??= AjvCompiler()({}, { customOptions: strict });
      check ??= compile({ schema });
      return check(data) === true ? { value: data } : { error: check.errors ?? [] };
    };
  };
};

/** The same for answers. */
export const lazySerialization = (): FastifySerializerCompiler<unknown> => {
  let compile: ReturnType<ReturnType<typeof SerializerSelector>> | undefined;
  return (route) => {
    let write: ReturnType<NonNullable<typeof compile>> | undefined;
    return (data: unknown) => {
      compile ??= SerializerSelector()({}, {});
      write ??= compile({ ...route, httpStatus: route.httpStatus ?? '' });
      return write(data);
    };
  };
};
