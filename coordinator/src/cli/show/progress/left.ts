import { DAY_MS } from '@remora/shared/model/values/duration.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** In the two units that tell most: `29 d`, `1 d 5 h`, `3 h 20 min`, `2 min`. */
export const leftText = (notAfter: string, now: number): string => {
  const ms = Date.parse(notAfter) - now;
  if (ms <= 0) return 'ENDED';
  const [days, hours, minutes] = [
    Math.floor(ms / DAY_MS),
    Math.floor((ms % DAY_MS) / HOUR_MS),
    Math.floor((ms % HOUR_MS) / MINUTE_MS),
  ];
  if (days >= 2) return `${days} d`;
  if (days === 1) return `1 d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
};
