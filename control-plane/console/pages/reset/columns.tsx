import Box from '@cloudscape-design/components/box';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import type { TableProps } from '@cloudscape-design/components/table';
import type { TaskState } from '#protocol';
import { InstanceOrRemoved } from '../../parts/instance-link.tsx';
import { remedyOf } from '../../parts/remedy.ts';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import type { Row } from './row.ts';

const words = texts.reset.progress;
const { columns } = words;

const INDICATORS: Record<TaskState, StatusIndicatorProps.Type> = {
  pending: 'pending',
  staged: 'pending',
  'awaiting-boot': 'pending',
  dispatched: 'in-progress',
  accepted: 'in-progress',
  running: 'in-progress',
  succeeded: 'success',
  failed: 'error',
  'outcome-unknown': 'warning',
  'task-expired': 'stopped',
  cancelled: 'stopped',
  superseded: 'stopped',
  blocked: 'stopped',
};

/** What one sees of a task. */
export const COLUMNS: readonly TableProps.ColumnDefinition<Row>[] = [
  {
    id: 'instance',
    header: columns.instance,
    cell: ({ instance, instanceId }) => <InstanceOrRemoved name={instance} id={instanceId} />,
    isRowHeader: true,
  },
  {
    id: 'state',
    header: columns.state,
    minWidth: 150,
    cell: ({ state }) => (
      <StatusIndicator type={INDICATORS[state]} wrapText={false}>
        {words.taskStates[state]}
      </StatusIndicator>
    ),
  },
  { id: 'proof', header: columns.proof, cell: (row) => <Proof row={row} />, minWidth: 130 },
  { id: 'applied', header: columns.applied, cell: ({ appliedMs }) => <Span ms={appliedMs} /> },
  { id: 'verified', header: columns.verified, cell: ({ verifiedMs }) => <Span ms={verifiedMs} /> },
  { id: 'updated', header: columns.updated, cell: ({ updatedAt }) => <When at={updatedAt} />, minWidth: 110 },
  { id: 'notes', header: columns.notes, cell: (row) => <Notes row={row} />, minWidth: 220 },
];

function Proof({ row: { verifiedBy, proof } }: { readonly row: Row }) {
  if (proof === null) return texts.nothing;
  return (
    <>
      {verifiedBy !== null && <div>{words.proofs[verifiedBy]}</div>}
      <Box variant="small">{proof === 'here' ? words.here : words.told}</Box>
    </>
  );
}

function Span({ ms }: { readonly ms: number | null }) {
  return ms === null ? texts.nothing : texts.reset.span(ms);
}

/** Why not, what to do, and what stands in the way of a login although the password is right. */
function Notes({ row: { code, message, remedy, detail, warnings } }: { readonly row: Row }) {
  if (code === null && warnings.length === 0) return texts.nothing;
  return (
    <>
      {code !== null && (
        <div>
          {message} {detail !== null && <bdi>({detail})</bdi>} <Box variant="small">{code}</Box>
        </div>
      )}
      {code !== null && remedy !== null && <div>{remedyOf({ code, remedy })}</div>}
      {warnings.map((warning) => (
        <div key={warning}>{words.warnings[warning]}</div>
      ))}
    </>
  );
}
