const RENEW_SHARE = 1 / 3;

/** Whether two thirds of a life are over: what is renewed by itself is renewed from then on. Both in ms. */
export const isLastThird = (leftMs: number, lifeMs: number): boolean => leftMs <= lifeMs * RENEW_SHARE;
