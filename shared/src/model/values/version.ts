/** Compares two dotted versions such as `8.19.21` and `9.5.3`; a suffix like `-SNAPSHOT` does not count. Negative when `a` is older. */
export const compareVersions = (a: string, b: string): number => {
  const numbers = (text: string): number[] => (text.split('-')[0] ?? '').split('.').map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

export const isAtLeast = (version: string, minimum: string): boolean => compareVersions(version, minimum) >= 0;
