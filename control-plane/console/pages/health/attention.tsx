import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { explain, type AgentState, type Instance, type Overview } from '#protocol';
import { AgentStateIndicator } from '../../parts/agent-state.tsx';
import { InstanceLink } from '../../parts/instance-link.tsx';
import { PageLink } from '../../parts/page-link.tsx';
import { remedyOf } from '../../parts/remedy.ts';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';

const words = texts.health;
const { columns } = words;

/** Those whose instances are listed here, the gravest first. */
const STATES = ['abnormal', 'install-failed', 'offline'] as const satisfies readonly AgentState[];

/** Which instances somebody has to see to, why, and what to do. */
export function Attention({ overview: { agents, attention } }: { readonly overview: Overview }) {
  const { total, items } = attention;
  const hasInstances = Object.values(agents).some((count) => count > 0);
  return (
    <Table<Instance>
      header={<Header variant="h2">{words.attention(total)}</Header>}
      ariaLabels={{ tableLabel: words.attention(total) }}
      items={items}
      trackBy="id"
      wrapLines
      empty={<Box textAlign="center">{hasInstances ? words.nothing : words.noInstances}</Box>}
      footer={total > items.length && <Others agents={agents} shown={items.length} total={total} />}
      columnDefinitions={[
        {
          id: 'instance',
          header: columns.instance,
          cell: ({ name }) => <InstanceLink name={name} />,
          isRowHeader: true,
        },
        { id: 'state', header: columns.state, cell: ({ agent }) => <AgentStateIndicator state={agent.state} /> },
        { id: 'reason', header: columns.reason, minWidth: 160, cell: ({ agent }) => whyOf(agent).message },
        { id: 'remedy', header: columns.remedy, minWidth: 160, cell: ({ agent }) => whyOf(agent).remedy },
        {
          id: 'since',
          header: columns.since,
          cell: ({ agent }) => <When at={agent.reasons[0]?.since ?? agent.lastSeenAt} />,
        },
      ]}
    />
  );
}

/** The first reason; what the state means where nobody has given one. */
function whyOf({ state, reasons: [first] }: Instance['agent']): { readonly message: string; readonly remedy: string } {
  if (first !== undefined) return { message: first.message, remedy: remedyOf(first) };
  if (state === 'install-failed') return explain('install-failed');
  return { message: words.silent, remedy: words.silentHow };
}

interface OthersProps {
  readonly agents: Overview['agents'];
  readonly shown: number;
  readonly total: number;
}

/** The way to those that are not listed here. */
function Others({ agents, shown, total }: OthersProps) {
  return (
    <SpaceBetween direction="horizontal" size="m">
      <span>{words.shown(shown, total)}</span>
      {STATES.filter((state) => agents[state] > 0).map((state) => (
        <PageLink key={state} to={`/instances?state=${state}`}>
          {words.allOf(agents[state], texts.agentStates[state])}
        </PageLink>
      ))}
    </SpaceBetween>
  );
}
