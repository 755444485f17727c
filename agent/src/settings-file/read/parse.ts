import { Composer, type Document, Parser } from 'yaml';
import type { Entry, MapValue, Placement, Setting, SettingsDocument } from '../document.ts';
import { DocumentReader } from './document-reader.ts';
import { SourceText } from './source-text.ts';
import { refuseCharacters, refuseTokens, type SourceToken, sourceTokens } from './source-tokens.ts';

/**
 * Reads elasticsearch.yml for an edit. An empty file, or one of comments alone, is a file without settings.
 * `lineBreak` is the one to write where the text has none.
 * @throws {SettingsFileError} for whatever cannot be edited safely; see `SettingsFileReason`.
 */
export function parseSettings(text: string, lineBreak?: string): SettingsDocument {
  const source = new SourceText(text, lineBreak);
  refuseCharacters(source);
  const tokens = sourceTokens(text);
  refuseTokens(source, tokens);
  const root = new DocumentReader(source, tokens).read(compose(source, tokens));
  return {
    source,
    root,
    comments: tokens.filter((token) => token.type === 'comment'),
    commas: tokens.filter((token) => token.type === 'comma'),
    settings: root === undefined ? new Map() : flatten(source, root),
    tail: tokens.find((token) => token.type === 'doc-end')?.start ?? text.length,
  };
}

/**
 * The `yaml` package's document model. The failsafe schema leaves every scalar the text it is, as Elasticsearch does; duplicates are left to `flatten`, which sees
 * them in every spelling.
 */
function compose(source: SourceText, tokens: readonly SourceToken[]): Document.Parsed | undefined {
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, keepSourceTokens: true });
  const documents = [...composer.compose(new Parser().parse(source.text), true, source.text.length)];
  const [document, second] = documents;
  if (second !== undefined) {
    const marks = tokens.filter((token) => token.type === 'doc-start');
    const start = marks.find((mark) => mark.start >= (second.range?.[0] ?? 0))?.start ?? second.range?.[0] ?? 0;
    throw source.error('documents', start, 'a second YAML document begins; Elasticsearch reads the first alone.');
  }
  const [error] = (document?.errors ?? []).toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (error !== undefined) {
    // Messages about unexpected tokens quote the file, and what they quote may be a secret.
    const what = error.code === 'UNEXPECTED_TOKEN' ? 'Unexpected text' : error.message;
    throw source.error('syntax', error.pos[0], `this is not valid YAML: ${what}.`);
  }
  return document;
}

/** Flattens nested keys into dotted names, as Elasticsearch's `Settings` does, and refuses what it would refuse: one name twice. */
function flatten(source: SourceText, root: MapValue): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  const duplicate = (name: string, entry: Entry, first: Entry) => {
    const line = source.lineIndexAt(first.start) + 1;
    return source.error('duplicate', entry.start, `"${name}" stands in line ${line} already; keep one of the two.`);
  };
  const visit = (map: MapValue, prefix: string, parents: readonly Placement[]): void => {
    const siblings = new Map<string, Entry>();
    for (const entry of map.entries) {
      const name = prefix + entry.key;
      const first = siblings.get(entry.key) ?? settings.get(name)?.leaf;
      const path = [...parents, { map, entry }];
      if (siblings.has(entry.key) && first !== undefined) throw duplicate(name, entry, first);
      siblings.set(entry.key, entry);
      if (entry.value.kind === 'map') {
        visit(entry.value, `${name}.`, path);
      } else {
        if (first !== undefined) throw duplicate(name, entry, first);
        settings.set(name, { path, leaf: entry, value: entry.value });
      }
    }
  };
  visit(root, '', []);
  return settings;
}
