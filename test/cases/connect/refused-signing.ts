import type { RefusalCase } from './runner.ts';
import { standing } from './standing.ts';
import { changed, nodeOf } from './world.ts';

const signed = { certificateIdentity: 'CN=signer,O=x' };
const ENTRY = 'cluster.remote.us.signing.keystore.secure_password';

/** What stands in the way of requests that are signed. */
export const refusedSigning: RefusalCase[] = [
  {
    name: 'a remote cluster that knows no signatures',
    world: changed((made) => {
      for (const node of made.remote.nodes) node.version = '9.2.4';
      made.remote.version = '9.2.4';
    }),
    wish: signed,
    code: 'preflight-failed',
    check: 'signing-possible',
    says: 'Cluster us is 9.2.4: signed requests (--certificate-identity) need 9.3 or later on both sides',
  },
  {
    name: 'a local cluster that knows no signatures',
    world: changed((made) => {
      for (const node of made.local.nodes) node.version = '8.19.21';
      made.local.version = '8.19.21';
    }),
    wish: signed,
    code: 'preflight-failed',
    check: 'signing-possible',
    says: 'Cluster eu is 8.19.21',
  },
  {
    name: 'an expression of which no subject can be read off',
    world: changed(() => {}),
    wish: { certificateIdentity: 'CN=(a|b)[0-9],O=x' },
    code: 'bad-input',
    check: 'signing-subject',
    says: 'it matches neither CN=eu-us nor anything that can be read off it',
  },
  {
    name: 'another subject than that of the certificates in use, on some nodes alone',
    world: standing(undefined, signed),
    wish: { certificateIdentity: 'CN=other', nodes: ['eu-1'] },
    code: 'bad-input',
    check: 'signing-subject',
    says: 'with certificates CN=signer,O=x of CA eu-signing, and become CN=other of CA eu-signing all together',
  },
  {
    name: 'another CA than that of the certificates in use, on some nodes alone',
    world: standing(undefined, signed),
    wish: { ...signed, signingCa: 'other', nodes: ['eu-1'] },
    code: 'bad-input',
    check: 'signing-subject',
    says: 'and become CN=signer,O=x of CA other all together: leave out --limit',
  },
  {
    name: 'a CA whose key is elsewhere',
    world: standing((made) => {
      made.cas = made.cas.map((ca) => ({ ...ca, key: null }));
    }),
    wish: { ...signed, signingCa: 'us-remote' },
    code: 'preflight-failed',
    check: 'signing-possible',
    says: 'The key of CA us-remote is not here',
  },
  {
    name: 'trust in elasticsearch.yml of a remote node',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').yml.values['cluster.remote.signing.certificate_authorities'] = 'theirs.crt';
    }),
    wish: signed,
    code: 'conflict',
    check: 'signing-ours',
    says: 'elasticsearch.yml of node us-2 (cluster us) has cluster.remote.signing.certificate_authorities',
  },
  {
    name: 'keys of others that demand a signature',
    world: changed((made) => {
      made.foreignIdentities = ['theirs (k9)'];
    }),
    wish: signed,
    code: 'conflict',
    check: 'signing-ours',
    says: 'API keys that demand a signature and that Remora did not make (theirs (k9))',
  },
  {
    name: 'keys of others that demand a signature, although another connection of ours is signed',
    world: standing((made) => {
      made.foreignIdentities = ['theirs (k9)'];
    }, signed),
    wish: { ...signed, alias: 'second' },
    code: 'conflict',
    check: 'signing-ours',
    says: 'or write the CA of their certificates into remora-signing-cas.crt on every node of us and import it',
  },
  {
    name: 'a key of ours that somebody had demand a signature',
    world: standing((made) => {
      made.keys = made.keys.map((key) => ({ ...key, certificateIdentity: 'CN=theirs' }));
    }),
    wish: signed,
    code: 'conflict',
    check: 'signing-ours',
    says: 'The key of this connection demands CN=theirs already, and not by Remora',
  },
  {
    name: 'a key of another user, who alone could have it demand a signature',
    world: standing((made) => {
      made.keys = made.keys.map((key) => ({ ...key, otherOwner: 'ann' }));
    }),
    wish: signed,
    code: 'conflict',
    check: 'signing-ours',
    says: 'belongs to user ann, who alone may change what it demands of a signature',
  },
  {
    name: 'a password of somebody else for the file that signs',
    world: standing((made) => {
      nodeOf(made.local, 'eu-1').keystore.entries[ENTRY] = { reference: null, writtenAtMs: null };
    }),
    wish: signed,
    code: 'conflict',
    check: 'signing-ours',
    says: `The keystore of node eu-1 (cluster eu) has ${ENTRY}`,
  },
  {
    name: 'a CA that Remora does not know in the file of the remote nodes',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').files['remora-signing-cas.crt'] = { source: null, certificates: ['theirs'] };
    }),
    wish: signed,
    code: 'conflict',
    check: 'signing-ours',
    says: 'remora-signing-cas.crt of node us-1 (cluster us) holds CN=theirs, which Remora does not know',
  },
  {
    name: 'a local node without an agent, although it does not connect',
    world: changed((made) => {
      made.local.nodes.push({ ...nodeOf(made.local, 'eu-1'), name: 'eu-9', roles: ['data'], agent: 'missing' });
    }),
    wish: signed,
    code: 'agent-missing',
    check: 'agents-joined',
    says: 'Node eu-9 of cluster eu has no agent',
  },
];
