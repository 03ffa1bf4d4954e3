/** What the agent says it is. */
export const AGENT_VERSION = '0.1.0';
