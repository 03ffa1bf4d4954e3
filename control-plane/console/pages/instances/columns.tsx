import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { TASK_COUNTS_AS, type Instance, type TaskState } from '#protocol';
import type { ReactNode } from 'react';
import { AgentStateIndicator } from '../../parts/agent-state.tsx';
import { InstanceLink } from '../../parts/instance-link.tsx';
import { InstanceTags } from '../../parts/instance-tags.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import type { Column } from './list/view.ts';

const words = texts.instances;

const TYPES: Record<(typeof TASK_COUNTS_AS)[TaskState], StatusIndicatorProps.Type> = {
  succeeded: 'success',
  failed: 'error',
  blocked: 'stopped',
  pending: 'in-progress',
};

/** The newest reset of an instance: how it stands, and when that was. */
export function LastReset({ instance }: { readonly instance: Instance }) {
  const last = instance.lastReset;
  if (last === null || last === undefined) return <>{words.neverReset}</>;
  return (
    <span>
      <StatusIndicator type={TYPES[TASK_COUNTS_AS[last.state]]} wrapText={false}>
        {words.tasks[last.state]}
      </StatusIndicator>{' '}
      <When at={last.at} />
    </span>
  );
}

/** What each column shows of an instance, in a row and on a card. */
export const CELLS: Record<Column, (instance: Instance) => ReactNode> = {
  name: ({ name }) => <InstanceLink name={name} />,
  os: ({ os }) => words.os[os],
  power: ({ power }) => words.power[power],
  state: ({ agent }) => <AgentStateIndicator state={agent.state} />,
  project: ({ project }) => <bdi>{project}</bdi>,
  tags: ({ tags }) => <InstanceTags tags={tags} />,
  lastReset: (instance) => <LastReset instance={instance} />,
  version: ({ agent }) => (agent.version === null ? words.none : <bdi>{agent.version}</bdi>),
  lastSeenAt: ({ agent }) => <When at={agent.lastSeenAt} />,
  createdAt: ({ createdAt }) => <When at={createdAt} />,
};
