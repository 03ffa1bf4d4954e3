import Alert from '@cloudscape-design/components/alert';
import PropertyFilter from '@cloudscape-design/components/property-filter';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { AgentState, API_PREFIX, OperatingSystem, Overview, ProjectList } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../../api/context.ts';
import { texts } from '../../../texts/index.ts';
import { asked } from '../../../api/ask.ts';
import { filterOf, PROPERTIES, tokensOf, type Token } from './tokens.ts';
import type { Filter } from './view.ts';

const words = texts.instances.filter;

const FILTERING = PROPERTIES.map((key) => ({
  key,
  operators: ['='] as const,
  propertyLabel: words[key][0] ?? key,
  groupValuesLabel: words[key][1] ?? key,
}));

const FIXED = [
  ...AgentState.options.map((value) => ({ propertyKey: 'state', value, label: texts.agentStates[value] })),
  ...OperatingSystem.options.map((value) => ({ propertyKey: 'os', value, label: texts.instances.os[value] })),
];

interface Properties {
  readonly filter: Filter;
  /** How many match; null while nobody knows. */
  readonly total: number | null;
  readonly onChange: (filter: Filter) => void;
}

/** The field that narrows the list. The control plane does it, so that what matches is found among all. */
export function InstanceFilter({ filter, total, onChange }: Properties) {
  const [refused, setRefused] = useState<readonly Token[]>([]);
  const [isUsed, setUsed] = useState(false);
  const options = useOptions(isUsed);
  return (
    <SpaceBetween size="xs">
      <PropertyFilter
        query={{ tokens: tokensOf(filter), operation: 'and' }}
        onChange={({ detail }) => {
          const read = filterOf(detail.tokens);
          setRefused(read.refused);
          onChange(read.filter);
        }}
        onLoadItems={() => setUsed(true)}
        filteringProperties={FILTERING}
        filteringOptions={[...FIXED, ...options]}
        freeTextFiltering={{ operators: [':'], defaultOperator: ':' }}
        hideOperations
        filteringAriaLabel={words.label}
        filteringPlaceholder={words.placeholder}
        filteringConstraintText={tokensOf(filter).length > 1 ? words.combined : undefined}
        {...(total === null ? {} : { countText: words.count(total) })}
      />
      {refused.length > 0 && (
        <Alert type="warning" dismissible onDismiss={() => setRefused([])} header={words.refused(values(refused))}>
          {words.refusedHow}
        </Alert>
      )}
    </SpaceBetween>
  );
}

function values(tokens: readonly Token[]): string {
  return tokens.map(({ value }) => (typeof value === 'string' ? value : '')).join(', ');
}

/** What there is to choose from, asked for when somebody begins to choose. */
function useOptions(enabled: boolean) {
  const client = useClient();
  const projects = useQuery({
    queryKey: ['instances', 'projects'],
    queryFn: (context) => client.get(`${API_PREFIX}/projects`, ProjectList, asked(context)),
    enabled,
  });
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => client.get(`${API_PREFIX}/overview`, Overview, { attended: false, signal }),
    enabled,
  });
  return [
    ...(projects.data?.items ?? []).map(({ name }) => ({ propertyKey: 'project', value: name })),
    ...(overview.data?.versions ?? []).flatMap(({ version }) =>
      version === null ? [] : [{ propertyKey: 'version', value: version }],
    ),
  ];
}
