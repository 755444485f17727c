import { caNameOf } from '../../trust/ca-names.ts';
import { isMeant } from '../key/limit.ts';
import { isLeft } from '../left.ts';
import type { Check } from './preflight-check.ts';

/** Refused rather than ignored: servers of people stay as they are, so what these flags say of them would come to nothing. */
export const serversAsTheyAre: Check = {
  code: 'bad-input',
  demands:
    '--san, --cert-validity, --remote-host and --remote-port are not given for servers that people set up and that stay as they are, since the connection was taken over',
  run: ({ facts, request }) => {
    const { name: cluster, nodes } = facts.remote;
    const left = nodes.filter(
      (node) => isLeft(node, { facts, request }) && isMeant(request, { cluster, node: node.name }),
    );
    const flags = Object.entries({
      '--san': request.sans,
      '--cert-validity': request.certValidity,
      '--remote-host': request.remoteHost,
      '--remote-port': request.remotePort,
    }).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
    if (left.length === 0 || flags.length === 0) return [];
    const ca = caNameOf(facts, request);
    return [
      `${flags.join(', ')}: people set up the remote cluster server of ${left.map(({ name }) => name).join(', ')} (cluster ${cluster}), and it stays as it is. Leave ${flags.length > 1 ? 'them' : 'it'} out and change that on the node${left.length > 1 ? 's' : ''} by hand, or have Remora manage the certificates first: \`remora certs place --cluster ${cluster} --purpose remote_cluster_server --ca ${ca} --files DIR\` places others of the same CA.`,
    ];
  },
};
