import { readdirSync, readFileSync } from 'node:fs';

/** Short enough to meet every start of a JVM, which is what the keystore tool is. */
const INTERVAL_MS = 40;

/**
 * What arguments and environments the processes of this machine had, ours and all others: what stands there is readable by
 * others (proc(5)). Sampled, since a secret is not known before the process that might have shown it is gone.
 */
export class ProcessSampler {
  readonly #seen = new Map<string, Set<string>>([
    ['cmdline', new Set()],
    ['environ', new Set()],
  ]);
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#sample(), INTERVAL_MS);
  }

  /** Ends the sampling and answers each distinct argument vector and environment, a line each. */
  stop(): { readonly cmdline: string; readonly environ: string } {
    clearInterval(this.#timer);
    const [cmdline = '', environ = ''] = [...this.#seen.values()].map((texts) => [...texts].join('\n'));
    return { cmdline, environ };
  }

  #sample(): void {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      for (const [what, texts] of this.#seen) {
        const text = readOrNothing(`/proc/${pid}/${what}`);
        if (text !== '') texts.add(text.replaceAll('\0', ' '));
      }
    }
  }
}

/** A process may be gone by now, or be another user's. */
const readOrNothing = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
