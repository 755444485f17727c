/** What the gateway needs of a logger; pino and Fastify's own have this shape. Lines carry names, references and sentences, never frames. */
export interface GatewayLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
