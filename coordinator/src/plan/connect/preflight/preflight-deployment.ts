import { isSigned, PUBLIC_CA } from '@remora/shared/model/requests/connect-request.ts';
import { isAtLeast } from '@remora/shared/model/values/version.ts';
import type { DeploymentSeen } from '../../cloud-deployment/facts.ts';
import { trustName } from '../../cloud-deployment/local-side.ts';
import { commandsTo } from '../../cloud-deployment/remote-side.ts';
import { credentialEntry } from '../../keys/key-names.ts';
import type { Check, PreflightInput } from './preflight-check.ts';

const MINIMUM_VERSION = '8.14.0';

/** Only its alias says whose an entry of the keystore is: one beside which no connection is on record was put there by others. */
const keystoreSentences = ({ facts, request: { local, alias } }: PreflightInput, seen: DeploymentSeen): string[] => {
  const isOurs = facts.connections.some((one) => one.local === local && one.alias === alias);
  const { cloud, id, name, entries } = seen;
  return isOurs || !entries.includes(credentialEntry(alias))
    ? []
    : [
        `The keystore of deployment ${name} has a key for ${alias} that belongs to no connection on record: choose another alias, or take it out with \`remora clouds key ${cloud} ${id} ${alias} --remove\`.`,
      ];
};

const trustSentences = ({ facts, request, now }: PreflightInput, { name, direct }: DeploymentSeen): string[] => {
  const { alias, proxyCa } = request;
  const ca = facts.cas.find((one) => one.name === proxyCa);
  const isNamed = proxyCa !== undefined && proxyCa !== PUBLIC_CA;
  return [
    ...(direct.filter((one) => one.name === trustName(alias)).length > 1
      ? [
          `Deployment ${name} has more than one trust called "${trustName(alias)}": which is meant is not known. Give them names of their own in the console of Elastic Cloud first.`,
        ]
      : []),
    ...(isNamed && ca === undefined
      ? [
          `There is no CA "${proxyCa}": import it with \`remora ca import\`, without its key, or give --proxy-ca public.`,
        ]
      : []),
    ...(ca !== undefined && ca.facts.notAfter <= now
      ? [`CA ${ca.name} ended at ${ca.facts.notAfter}: deployment ${name} would trust nobody by it.`]
      : []),
  ];
};

const localSentences = (input: PreflightInput, seen: DeploymentSeen): string[] => {
  const { facts, request } = input;
  const { local, remote, alias, mode } = request;
  return [
    ...(mode === 'proxy'
      ? []
      : [
          `Cluster ${local} is a deployment of Elastic Cloud, which connects in proxy mode only: give --mode proxy --proxy-address HOST:PORT, where it reaches cluster ${remote}.`,
        ]),
    ...(alias === alias.toLowerCase()
      ? []
      : [`Elastic Cloud takes aliases in lower case only: write ${alias.toLowerCase()}.`]),
    ...(isAtLeast(facts.local.version, MINIMUM_VERSION)
      ? []
      : [`Deployment ${seen.name} is ${facts.local.version}: API keys between clusters need 8.14 or later.`]),
    ...(isSigned(request)
      ? [
          `Requests of a deployment cannot be signed: Elastic Cloud places no signing certificate on its nodes. Leave --certificate-identity and --signing-… out.`,
        ]
      : []),
    ...(request.staticNodes === undefined
      ? []
      : [`elasticsearch.yml of a deployment is Elastic Cloud's: leave --static and --static-nodes out.`]),
    ...keystoreSentences(input, seen),
    ...trustSentences(input, seen),
  ];
};

export const deploymentFits: Check = {
  code: 'preflight-failed',
  demands:
    'a deployment of Elastic Cloud is the local cluster, of 8.14 or later, connects in proxy mode by an alias in lower case that its keystore does not know from others, and signs nothing',
  run: (input) => {
    const { facts, request } = input;
    const { deployment } = facts.remote;
    if (deployment !== undefined) return [commandsTo(request, deployment, facts.local.deployment)];
    if (facts.local.deployment !== undefined) return localSentences(input, facts.local.deployment);
    return request.proxyCa === undefined
      ? []
      : [
          `--proxy-ca is for deployments of Elastic Cloud, and cluster ${request.local} is none: what its nodes trust follows from --ca.`,
        ];
  },
};
