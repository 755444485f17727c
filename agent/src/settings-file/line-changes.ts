/** ` ` for a line that both have, `-` for one that goes, `+` for one that comes. */
export type LineSign = ' ' | '-' | '+';

/** The furthest that each diagonal reaches with so many changes, by Myers: `ends[d].get(k)` is the line of the first text. */
const search = (before: readonly string[], after: readonly string[]): ReadonlyMap<number, number>[] => {
  const ends: Map<number, number>[] = [];
  for (let changes = 0; ; changes += 1) {
    const last = ends.at(-1);
    const reached = new Map<number, number>();
    ends.push(reached);
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const down = last?.get(diagonal + 1) ?? -1;
      const right = last?.get(diagonal - 1) ?? -1;
      let i = last === undefined ? 0 : Math.max(down, right + 1);
      while (i < before.length && i - diagonal < after.length && before[i] === after[i - diagonal]) i += 1;
      reached.set(diagonal, i);
      if (i >= before.length && i - diagonal >= after.length) return ends;
    }
  }
};

/**
 * The shortest way from one list of lines to another, a sign for each line of both in order (Eugene W. Myers, "An O(ND) Difference Algorithm and Its
 * Variations", 1986). Lines that go stand before those that come in their place.
 */
export const lineChanges = (before: readonly string[], after: readonly string[]): LineSign[] => {
  const ends = search(before, after);
  const signs: LineSign[] = [];
  let [i, j] = [before.length, after.length];
  for (let changes = ends.length - 1; changes > 0; changes -= 1) {
    const last = ends[changes - 1];
    const diagonal = i - j;
    const down = last?.get(diagonal + 1) ?? -1;
    const right = last?.get(diagonal - 1) ?? -1;
    const comes = down > right;
    const from = comes ? down : right;
    const fromDiagonal = comes ? diagonal + 1 : diagonal - 1;
    for (; i > (comes ? from : from + 1); i -= 1, j -= 1) signs.push(' ');
    signs.push(comes ? '+' : '-');
    [i, j] = [from, from - fromDiagonal];
  }
  for (; i > 0; i -= 1) signs.push(' ');
  return signs.reverse();
};
