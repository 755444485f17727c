import { expect, test } from 'vitest';
import { parseInstances } from '../../../../coordinator/src/cli/instances.ts';

const parse = (text: string) => parseInstances(text, '--instances nodes.yaml');

test('reads what elasticsearch-certutil reads: lists, single texts, file names and other names', () => {
  const text = `
# one a node
instances:
  - name: "node1"
    ip: [ 192.0.2.1, "2001:db8::1" ]
    dns: [ "node1.example.com", localhost ]
    cn: ["node1.node.1234567abcd.cluster.myscope.account"]
  - { name: node two, filename: n2, dns: n2 }
  - name: 007
    ip:
`;
  expect(parse(text)).toEqual([
    {
      name: 'node1',
      commonName: 'node1',
      sans: ['DNS:node1.example.com', 'DNS:localhost', 'IP:192.0.2.1', 'IP:2001:db8::1'],
      otherNames: ['node1.node.1234567abcd.cluster.myscope.account'],
    },
    { name: 'n2', commonName: 'node two', sans: ['DNS:n2'], otherNames: [] },
    { name: '007', commonName: '007', sans: [], otherNames: [] },
  ]);
});

test.each([
  ['', /--instances nodes\.yaml: it has no list `instances`/],
  ['instances:', /has no list `instances`/],
  ['- name: a', /has no list `instances`/],
  ['instances: [', /it is no YAML/],
  ['instances:\n  - dns: [a]', /instance 1 has no name/],
  ['instances:\n  - name: [a]', /the name of instance 1 is no text/],
  ['instances:\n  - name: a\n    dns: {a: b}', /dns of "a" is no text/],
  ['instances:\n  - name: a\n    dsn: [a]', /instance 1 has "dsn"; known are name, filename/],
  ['instances:\n  - a', /instance 1 is no map/],
  ['instances:\n  - name: CN=a,O=b', /"CN=a,O=b" is a distinguished name/],
  ['instances:\n  - name: a\n    filename: ../a', /"\.\.\/a" cannot be a file name/],
  [`instances: [${'{name: a}, '.repeat(120_000)}]`, /longer than 1024 KB/],
  ['a: &a [x]\ninstances: *a', /has no list `instances`/],
])('refuses %j', (text, sentence) => {
  expect(() => parse(text)).toThrow(sentence);
});
