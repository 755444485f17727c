import { open } from 'node:fs/promises';
import { openFilesOf, outputsOf, pidOf } from '../system/process-table.ts';

/** What Elasticsearch puts before each line: time, level, logger, node. Its stderr comes back through its own log with the same. */
const PREFIX = /^\[\d{4}-[^\]]*\]\[\w+ *\]\[[^\]]*\] *\[[^\]]*\] ?/;
/** Lines that only fill a quotation: frames of a stack, warnings of the JVM, blank ones. */
const NOISE = /^\s*(at \S+\(.*\)|\.\.\. \d+ (more|common frames omitted)|WARNING: .*|OpenJDK .*warning.*)?\s*$/;
const TAIL_BYTES = 32 * 1024;
const MAX_LINES = 8;
const MAX_CHARACTERS = 2000;

const tail = async (path: string): Promise<string> => {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const length = Math.min(size, TAIL_BYTES);
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
};

/** The last lines that say something, joined for a sentence. */
export const lastLines = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(PREFIX, ''))
    .filter((line) => !NOISE.test(line))
    .slice(-MAX_LINES)
    .map((line) => line.trim())
    .join(' | ')
    .slice(-MAX_CHARACTERS);

/** Collects, while a node starts, which files it writes to, so that they can be quoted when it has gone. */
export const watchOutput = (startLog: string) => {
  const files = new Set([startLog]);
  return {
    see(identity: string): void {
      const pid = pidOf(identity);
      for (const path of outputsOf(pid)) if (path.startsWith('/') && !path.startsWith('/dev/')) files.add(path);
      // `gc.log` is rotated endlessly and says nothing about a failure.
      for (const path of openFilesOf(pid))
        if (/\.log$/.test(path) && !/(^|\/)gc[^/]*\.log$/.test(path)) files.add(path);
    },
    /** What the node said last, shortest source first: the start command's own words, then the node's logs. */
    async quote(): Promise<string> {
      const texts = await Promise.all([...files].map(tail));
      return texts
        .map(lastLines)
        .filter((text) => text !== '')
        .join(' | ');
    },
  };
};
