import type { AgentConfig } from '../checks.ts';
import { commandService } from './commands.ts';
import type { ServiceManager } from './service-manager.ts';
import { systemdService } from './systemd.ts';

/** The service manager that agent.yml names. Commands get ES_PATH_CONF, so that a bare `bin/elasticsearch -d` starts this node and no other. */
export const serviceManagerOf = (config: Pick<AgentConfig, 'service' | 'elasticsearch'>): ServiceManager =>
  'systemd' in config.service
    ? systemdService(config.service.systemd)
    : commandService(config.service.start, config.service.stop, { ES_PATH_CONF: config.elasticsearch.configDir });
