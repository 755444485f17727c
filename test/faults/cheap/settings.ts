/**
 * Reads elasticsearch.yml as far as the cheap node needs it, since loading a YAML library would take as long as all the rest of its start: `NAME: VALUE` and
 * `NAME: [VALUE, …]`. A line of any other form ends the node, as a setting that it does not know ends Elasticsearch.
 */
export type Settings = Readonly<Record<string, string | readonly string[]>>;

const unquoted = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/, '$2');

const settingOf = (text: string): string | string[] => {
  const list = /^\[(.*)\]$/.exec(text.trim())?.[1];
  return list === undefined ? unquoted(text) : list.split(',').map(unquoted);
};

export const parseSettings = (text: string): Settings =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => {
        const match = /^([a-z_.]+): *(\S.*)$/.exec(line);
        if (!match) throw new Error(`elasticsearch.yml has a line that the cheap node cannot read: ${line}`);
        return [match[1] ?? '', settingOf(match[2] ?? '')];
      }),
  );
