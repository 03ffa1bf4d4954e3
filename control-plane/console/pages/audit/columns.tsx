import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { TableProps } from '@cloudscape-design/components/table';
import type { AuditRecord } from '#protocol';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { nameOfActor } from '../../parts/actor.ts';
import type { AuditFilter } from './filter.ts';

const words = texts.audit;
type Only = (filter: Partial<AuditFilter>) => void;

/** Each record in a row; all that is known of it unfolds in its last cell. */
export function columnsOf(onOnly: Only): TableProps<AuditRecord>['columnDefinitions'] {
  const { columns } = words;
  return [
    { id: 'when', header: columns.when, minWidth: 130, cell: ({ at }) => <When at={at} /> },
    { id: 'what', header: columns.what, isRowHeader: true, cell: ({ action }) => action },
    { id: 'who', header: columns.who, cell: ({ actor }) => <bdi>{nameOfActor(actor)}</bdi> },
    { id: 'resource', header: columns.resource, cell: ({ resource }) => <bdi>{resource}</bdi> },
    {
      id: 'decision',
      header: columns.decision,
      minWidth: 120,
      cell: ({ decision }) => <Decision decision={decision} />,
    },
    {
      id: 'details',
      header: columns.details,
      minWidth: 220,
      cell: (record) => <Details record={record} onOnly={onOnly} />,
    },
  ];
}

function Decision({ decision }: Pick<AuditRecord, 'decision'>) {
  if (decision === null) return words.undecided;
  const isAllowed = decision === 'allow';
  return (
    <StatusIndicator type={isAllowed ? 'success' : 'error'}>{isAllowed ? words.allow : words.deny}</StatusIndicator>
  );
}

function Details({ record, onOnly }: { readonly record: AuditRecord; readonly onOnly: Only }) {
  const { sequence, rule, code, actor, resource, action, detail } = record;
  const { facts, filter } = words;
  return (
    <ExpandableSection variant="inline" headerText={words.show} headerAriaLabel={words.showOf(sequence)}>
      <SpaceBetween size="s">
        <KeyValuePairs
          items={[
            { label: facts.sequence, value: sequence },
            { label: facts.actor, value: <bdi>{actor}</bdi> },
            ...(rule === null ? [] : [{ label: facts.rule, value: rule }]),
            ...(code === null ? [] : [{ label: facts.code, value: code }]),
            ...Object.entries(detail).map(([label, value]) => ({ label, value: <bdi>{textOf(value)}</bdi> })),
          ]}
        />
        <SpaceBetween direction="horizontal" size="xs">
          <Button variant="inline-link" onClick={() => onOnly({ action })}>
            {filter.onlyAction}
          </Button>
          <Button variant="inline-link" onClick={() => onOnly({ resource })}>
            {filter.onlyResource}
          </Button>
          <Button variant="inline-link" onClick={() => onOnly({ actor })}>
            {filter.onlyActor}
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </ExpandableSection>
  );
}

function textOf(value: AuditRecord['detail'][string]): string {
  if (value === null) return words.nothing;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  return String(value);
}
