import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import type { AgentState } from '#protocol';
import { memo } from 'react';
import { texts } from '../texts/index.ts';

const TYPES: Record<AgentState, StatusIndicatorProps.Type> = {
  running: 'success',
  abnormal: 'error',
  offline: 'stopped',
  installing: 'in-progress',
  'install-failed': 'error',
  'not-installed': 'pending',
};

/** The state of an agent, the same wherever it is shown. */
export const AgentStateIndicator = memo(function AgentStateIndicator({ state }: { readonly state: AgentState }) {
  return (
    <StatusIndicator type={TYPES[state]} wrapText={false}>
      {texts.agentStates[state]}
    </StatusIndicator>
  );
});
