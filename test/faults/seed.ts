import { createHash } from 'node:crypto';

/** Numbers that follow from a seed and a name alone, so that a case can be repeated. */
export interface Dice {
  /** A whole number from `low` up to and without `high`. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
}

/** A counter through SHA-256: slow, but there are few throws. */
export const diceOf = (seed: number, name: string): Dice => {
  let throws = 0;
  const next = (): number => {
    throws += 1;
    return createHash('sha256').update(`${seed}/${name}/${throws}`).digest().readUInt32BE() / 2 ** 32;
  };
  return {
    between: (low, high) => low + Math.floor(next() * (high - low)),
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  };
};

/** The same items in an order that follows from the dice. */
export const shuffled = <T>(items: readonly T[], dice: Dice): T[] => {
  const rest = [...items];
  return items.map(() => rest.splice(dice.between(0, rest.length), 1)[0] as T);
};
