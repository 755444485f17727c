/** Version of the coordinator and its CLI; agents are of one release line with it. */
export const VERSION = '0.1.0';
