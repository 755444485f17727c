import { messageOf } from '@remora/shared/errors.ts';
import type { CertificateList } from '@remora/shared/model/certificates/certificate-view.ts';
import type { Log } from '../../log.ts';

/** What was found when all nodes were looked at. */
export interface CertificateLook {
  readonly list: CertificateList;
  /** When the look ended, by the clock that nobody sets. */
  readonly endedMs: number;
}

/** The certificates of the fleet as they were seen last, for those who must not wait for agents: metrics, doctor. */
export interface CertificateWatch {
  /** Looks at all nodes now. */
  look(): Promise<CertificateLook>;
  /** A look that begins now, or has just begun, where it ends within this time; else the last one; null before the first. */
  lookWithin(ms: number): Promise<CertificateLook | null>;
  /** Null before the first look has ended. */
  latest(): CertificateLook | null;
  /** Looks every five minutes, for the first time once agents have had time to connect. Answers how to stop. */
  keepLooking(log: Pick<Log, 'warn'>): () => void;
}

const LOOK_INTERVAL_MS = 300_000;
const FIRST_LOOK_MS = 15_000;

export const watchCertificates = (
  take: () => Promise<CertificateList>,
  { intervalMs = LOOK_INTERVAL_MS, firstMs = FIRST_LOOK_MS } = {},
): CertificateWatch => {
  let latest: CertificateLook | null = null;
  let latestBeganMs = 0;
  let underWay: Promise<CertificateLook> | null = null;
  const look = async (): Promise<CertificateLook> => {
    const beganMs = performance.now();
    const found = { list: await take(), endedMs: performance.now() };
    // One that was held up by a silent agent must not replace what was seen after it began.
    if (beganMs >= latestBeganMs) [latest, latestBeganMs] = [found, beganMs];
    return found;
  };
  const sharedLook = (): Promise<CertificateLook> => {
    underWay ??= look().finally(() => {
      underWay = null;
    });
    return underWay;
  };
  return {
    look,
    latest: () => latest,
    async lookWithin(ms) {
      const over = new Promise<null>((resolve) => setTimeout(resolve, ms, null).unref());
      return (await Promise.race([sharedLook(), over])) ?? latest;
    },
    keepLooking(log) {
      let timer: NodeJS.Timeout;
      const next = (ms: number): void => {
        timer = setTimeout(async () => {
          try {
            await sharedLook();
          } catch (error) {
            log.warn({ reason: messageOf(error) }, 'the certificates of the nodes could not be looked at');
          }
          if (!stopped) next(intervalMs);
        }, ms).unref();
      };
      let stopped = false;
      next(firstMs);
      return () => {
        stopped = true;
        clearTimeout(timer);
      };
    },
  };
};
