import fc from 'fast-check';

/** A line of a generated file, and whose line it is. */
interface GeneratedLine {
  readonly text: string;
  readonly owners: readonly string[];
  /** `each`: several settings stand in the line, and it changes with any of them; `all`: it is the key of a parent, and goes with the last of them. */
  readonly belongsTo: 'each' | 'all';
}

export interface GeneratedFile {
  readonly text: string;
  readonly lines: readonly GeneratedLine[];
  readonly names: readonly string[];
  readonly comments: readonly string[];
}

const segments = ['cluster', 'node', 'path', 'xpack', 'security', 'http', 'ssl', 'port', 'my_alias', 'keystore'];

const settingName = fc
  .array(fc.constantFrom(...segments), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('.'));

export const isPrefix = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** No name is another's parent: what then happens has tests of its own. */
export const settingNames = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(settingName, { maxLength, comparator: isPrefix });

const trickyText = fc.constantFrom(
  'on',
  'No',
  'true',
  '9443',
  '1e3',
  '0x1f',
  '1_000',
  '1:30',
  '~',
  'null',
  '',
  ' ',
  '-',
  '- a',
  '?',
  ': ',
  'a: b',
  'a #b',
  '#',
  '[::1]:9443',
  '[a',
  '{}',
  '*',
  '&x',
  '!t',
  '%d',
  '@x',
  '`',
  '|',
  '>',
  "it's",
  '"q"',
  'a"b',
  'C:\\x',
  'a, b',
  'a:',
  `\${HOSTNAME}`,
  `\${A}:9300`,
  '_local_',
  'tab\there',
  'two\nlines',
  'é',
  '\u2028',
  '\u0085',
  '😀',
  '2024-01-01',
  '<<',
  '=',
  '---',
  '...',
  '.inf',
  'a\\nb',
  '\uFEFF',
  '*:9200',
  '0.0.0.0',
);

const text = fc.oneof(trickyText, fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }));

export const settingValue = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 4 }));

/** Answers each choice from a list of numbers: smaller numbers give plainer files, so that a failing file shrinks to its point. */
class Choices {
  readonly #numbers: Iterator<number>;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers.values();
  }

  of<T>(...options: readonly [T, ...T[]]): T {
    return options[this.upTo(options.length - 1)] ?? options[0];
  }

  upTo(max: number): number {
    return (this.#numbers.next().value ?? 0) % (max + 1);
  }

  rarely(oneIn: number): boolean {
    return this.upTo(oneIn - 1) === oneIn - 1;
  }
}

const words = [
  'eu-1',
  'certs/http.p12',
  '_local_',
  `\${HOSTNAME}`,
  'us.example.com:9443',
  '/var/lib/x y',
  'true',
  'false',
  '9443',
  '-1',
  '0.5',
] as const;

/** Writes settings the way people do: flat, nested and mixed by turns, with comments, blank lines and every spelling of a value. */
class Writer {
  readonly lines: GeneratedLine[] = [];
  readonly comments: string[] = [];
  readonly #choices: Choices;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  mapping(names: readonly string[], prefix: string, indent: string): void {
    const groups = Map.groupBy(names, (name) => name.slice(prefix.length).split('.')[0] ?? '');
    for (const group of groups.values()) this.#group(group, prefix, indent);
  }

  #group(names: readonly string[], prefix: string, indent: string): void {
    const shared = sharedParents(names, prefix);
    if (shared.length === 0 || this.#choices.rarely(3)) {
      for (const name of names) this.#setting(name, prefix, indent);
      return;
    }
    const parent = shared[this.#choices.upTo(shared.length - 1)] ?? '';
    const inside = names.filter((name) => name.startsWith(`${prefix}${parent}.`));
    this.#filler(indent);
    if (this.#choices.rarely(5)) {
      const entries = inside.map((name) => `${name.slice(prefix.length + parent.length + 1)}: ${this.#inline()}`);
      this.#line(`${indent}${parent}: {${entries.join(this.#choices.of(', ', ' , ', ',  '))}}`, inside, 'each');
    } else {
      this.#line(`${indent}${parent}:`, inside, 'all');
      const deeper = indent + this.#choices.of('  ', '    ', ' ');
      this.mapping(inside, `${prefix}${parent}.`, deeper);
    }
    for (const name of names) if (!inside.includes(name)) this.#setting(name, prefix, indent);
  }

  #setting(name: string, prefix: string, indent: string): void {
    this.#filler(indent);
    const key = name.slice(prefix.length);
    const written = this.#choices.rarely(6) ? `"${key}"` : key;
    const own = (line: string, comment = true) => this.#line(line, [name], 'all', comment);
    const kind = this.#choices.upTo(9);
    if (kind <= 4) {
      own(`${indent}${written}:${this.#choices.of(' ', '   ')}${this.#inline()}`);
      return;
    }
    own(`${indent}${written}:${this.#opening(kind)}`);
    if (kind === 6) own(`${indent}  ${this.#inline()}`);
    if (kind === 7 || kind === 8) {
      const dash = indent + (kind === 7 ? '  ' : '');
      for (let left = this.#choices.upTo(3); left >= 0; left -= 1) {
        if (this.#choices.rarely(5)) this.#comment(dash);
        own(`${dash}- ${this.#scalar()}`);
      }
    }
    if (kind === 9) for (const word of ['folded # text', 'more']) own(`${indent}  ${word}`, false);
  }

  #opening(kind: number): string {
    return kind === 9 ? ` ${this.#choices.of('|', '>-', '|-', '>')}` : '';
  }

  #inline(): string {
    if (!this.#choices.rarely(5)) return this.#scalar();
    const items = ['a', '"b:1"', "'c'", 'us-1:9300'].slice(0, this.#choices.upTo(3));
    return `[${items.join(', ')}${items.length > 0 && this.#choices.rarely(4) ? ',' : ''}]`;
  }

  #scalar(): string {
    const word = words[this.#choices.upTo(words.length - 1)] ?? words[0];
    const quotes = this.#choices.of('', '', '"', "'");
    return quotes === '' && word.startsWith('$') ? `"${word}"` : quotes + word + quotes;
  }

  #filler(indent: string): void {
    if (this.#choices.rarely(4)) this.#line('', [], 'all', false);
    if (this.#choices.rarely(3)) this.#comment(this.#choices.of(indent, indent, ''));
  }

  #comment(indent: string): void {
    const comment = `# note ${this.comments.length};`;
    this.comments.push(comment);
    this.lines.push({ text: indent + comment, owners: [], belongsTo: 'all' });
  }

  #line(line: string, owners: readonly string[], belongsTo: 'each' | 'all', mayComment = true): void {
    if (!mayComment || !this.#choices.rarely(4)) {
      this.lines.push({ text: line, owners, belongsTo });
      return;
    }
    const comment = `# note ${this.comments.length};`;
    this.comments.push(comment);
    this.lines.push({ text: `${line}  ${comment}`, owners, belongsTo });
  }
}

/** Every parent, relative to the prefix, that the first name has and that others may share. */
function sharedParents([name]: readonly string[], prefix: string): string[] {
  const parts = (name ?? '').slice(prefix.length).split('.');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('.'));
}

/** A real-looking elasticsearch.yml. */
const numbers = fc.array(fc.nat(), { minLength: 160, maxLength: 160 });

export const settingsFile: fc.Arbitrary<GeneratedFile> = fc.tuple(settingNames(8), numbers).map(([names, tape]) => {
  const choices = new Choices(tape);
  const writer = new Writer(choices);
  if (choices.rarely(8)) writer.lines.push({ text: '---', owners: [], belongsTo: 'all' });
  writer.mapping(names, '', choices.of('', '', '', '  '));
  for (let left = choices.upTo(2); left > 0; left -= 1) {
    writer.lines.push({ text: choices.of('', '# end'), owners: [], belongsTo: 'all' });
  }
  const lineBreak = choices.of('\n', '\n', '\r\n');
  const bom = choices.of('', '', '', '\uFEFF');
  const last = writer.lines.length === 0 ? '' : choices.of(lineBreak, lineBreak, '');
  const lines = writer.lines.map((line) => line.text).join(lineBreak);
  return { text: bom + lines + last, lines: writer.lines, names, comments: writer.comments };
});
