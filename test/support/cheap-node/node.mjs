/**
 * A stand-in for an Elasticsearch node where Elasticsearch itself is not the point: it reads elasticsearch.yml from ES_PATH_CONF as the real one does,
 * answers HTTP after `cheap.start.ms`, and ends with an error for `cheap.broken: true`. `cheap.hang: true`: lives, but never answers. A file `stopping`
 * holds the pid of the last one that was asked to stop, which takes `cheap.stop.ms`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const config = process.env.ES_PATH_CONF;
const text = readFileSync(join(config, 'elasticsearch.yml'), 'utf8');
const setting = (name) => new RegExp(`^${name.replaceAll('.', '\\.')}: *(.*)$`, 'm').exec(text)?.[1];

if (setting('cheap.broken') === 'true') {
  setTimeout(() => {
    console.error(
      '[ERROR][bootstrap] unknown setting [cheap.broken] please check that any required plugins are installed',
    );
    process.exit(1);
  }, 150);
} else if (setting('cheap.hang') === 'true') {
  setInterval(() => undefined, 1000);
} else {
  const server = createServer((_, response) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ settings: text }));
  });
  const listen = () => server.listen(Number(setting('http.port')), setting('network.host') ?? '127.0.0.1');
  setTimeout(listen, Number(setting('cheap.start.ms') ?? 50));
}
process.on('SIGTERM', () => {
  writeFileSync(join(config, '..', 'stopping'), String(process.pid));
  setTimeout(() => process.exit(0), Number(setting('cheap.stop.ms') ?? 20));
});
writeFileSync(join(config, '..', 'pid'), String(process.pid));
