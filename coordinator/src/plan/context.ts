/** What a planner may not make by itself, being pure. */
export interface PlanContext {
  readonly planId: string;
  /** ISO 8601, UTC. */
  readonly now: string;
  /** SHA-256 in hex. */
  readonly hash: (text: string) => string;
}

/** Health changes by the minute and is looked at again before every restart: a plan does not become another by it. */
export const withoutBaseline = (key: string, value: unknown): unknown => (key === 'baseline' ? undefined : value);

/** Who is asked whether they trust something depends on who answered a moment ago: a plan does not become another one by it either. */
export const withoutTrust = (key: string, value: unknown): unknown =>
  key === 'trustedBy' ? undefined : withoutBaseline(key, value);
