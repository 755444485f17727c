/** Version of the agent; it is of one release line with the coordinator. */
export const AGENT_VERSION = '0.1.0';
