import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EsNode } from '../../elasticsearch/node.ts';

const run = promisify(execFile);

/** SHA-256 of the certificate that a node serves on its remote cluster port, as openssl finds it; lower-case hex. */
export const servedBy = ({ remoteClusterPort }: Pick<EsNode, 'remoteClusterPort'>): Promise<string> =>
  servedAt(remoteClusterPort);

/** The same of any port of this machine. */
export const servedAt = async (port: number): Promise<string> => {
  const dial = `openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null`;
  const { stdout } = await run('sh', ['-c', `${dial} | openssl x509 -noout -fingerprint -sha256`]);
  return stdout.split('=')[1]?.trim().replaceAll(':', '').toLowerCase() ?? '';
};
