/** One message of an event stream (WHATWG HTML, server-sent events). */
export interface ServerEvent {
  readonly id: string | null;
  readonly type: string;
  readonly data: string;
}

const readBlock = (block: string): ServerEvent | null => {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
  }
  const data = fields.get('data');
  return data === undefined ? null : { id: fields.get('id') ?? null, type: fields.get('event') ?? 'message', data };
};

/** Reads the stream of a coordinator, whose events have one line of data each; comments are skipped. */
export async function* readServerEvents(source: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of source) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = readBlock(block);
      if (event) yield event;
    }
  }
}
