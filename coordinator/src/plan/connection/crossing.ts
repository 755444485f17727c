/** A connection, as it is proven. */
export interface Crossing {
  readonly local: string;
  readonly alias: string;
  readonly keySecret: string;
}
