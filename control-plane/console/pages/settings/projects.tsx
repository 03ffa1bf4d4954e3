import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { API_PREFIX, ProjectList, type Project } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { StatementDialog } from '../../parts/service/statement.tsx';
import { useStatement } from '../../parts/service/use-statement.ts';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { nameOfActor } from '../../parts/actor.ts';
import { AddProjectDialog } from './add-project.tsx';
import { DisableDialog } from './disable.tsx';

const words = texts.settings.projects;

type Open =
  | { readonly is: 'nothing' }
  | { readonly is: 'read' }
  | { readonly is: 'add' }
  | { readonly is: 'enable' | 'disable'; readonly project: Project };

interface Properties {
  readonly mayChange: boolean;
  readonly mayAdd: boolean;
}

/** Every project that the token may see, and whether online reset is enabled for it. */
export function Projects({ mayChange, mayAdd }: Properties) {
  const client = useClient();
  const [params] = useSearchParams();
  const [open, setOpen] = useState<Open>({ is: 'nothing' });
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['instances', 'projects'],
    queryFn: (context) => client.get(`${API_PREFIX}/projects`, ProjectList, asked(context)),
  });
  const statement = useStatement();
  const items = data?.items ?? [];
  const wanted = params.get('project');
  const close = (): void => setOpen({ is: 'nothing' });
  return (
    <SpaceBetween size="s">
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      <Table<Project>
        header={
          <Header
            variant="h2"
            description={words.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button onClick={() => setOpen({ is: 'read' })}>{words.read}</Button>
                {mayAdd && <Button onClick={() => setOpen({ is: 'add' })}>{words.add}</Button>}
              </SpaceBetween>
            }
          >
            {words.title}
          </Header>
        }
        // Whoever comes for one project finds it first.
        items={items.toSorted((a, b) => Number(b.name === wanted) - Number(a.name === wanted))}
        trackBy="name"
        loading={isPending}
        loadingText={texts.loading}
        wrapLines
        empty={<Box textAlign="center">{words.none}</Box>}
        columnDefinitions={columnsOf({ mayChange, statementVersion: statement.data?.version ?? null, onOpen: setOpen })}
      />
      {open.is === 'read' && <StatementDialog statement={statement} project={null} onClose={close} />}
      {open.is === 'enable' && <StatementDialog statement={statement} project={open.project.name} onClose={close} />}
      {open.is === 'disable' && <DisableDialog project={open.project.name} onClose={close} />}
      {open.is === 'add' && <AddProjectDialog onClose={close} />}
    </SpaceBetween>
  );
}

interface ColumnsOptions {
  readonly mayChange: boolean;
  /** Null until it is known. */
  readonly statementVersion: number | null;
  readonly onOpen: (open: Open) => void;
}

function columnsOf({ mayChange, statementVersion, onOpen }: ColumnsOptions): TableProps<Project>['columnDefinitions'] {
  const { columns } = words;
  const isOutdated = (version: number | null): boolean =>
    version !== null && statementVersion !== null && version < statementVersion;
  return [
    { id: 'name', header: columns.name, isRowHeader: true, cell: ({ name }) => name },
    {
      id: 'service',
      minWidth: 120,
      header: columns.service,
      cell: ({ service: { enabled } }) => (
        <StatusIndicator type={enabled ? 'success' : 'stopped'} wrapText={false}>
          {enabled ? words.enabled : words.disabled}
        </StatusIndicator>
      ),
    },
    {
      id: 'version',
      header: columns.version,
      cell: ({ service: { statementVersion: version } }) => {
        if (version === null) return texts.nothing;
        return isOutdated(version) ? words.outdated(version) : words.version(version);
      },
    },
    {
      id: 'by',
      header: columns.by,
      cell: ({ service: { enabledBy } }) =>
        enabledBy === null ? texts.nothing : <bdi title={enabledBy}>{nameOfActor(enabledBy)}</bdi>,
    },
    { id: 'since', header: columns.since, cell: ({ service: { enabledAt } }) => <When at={enabledAt} /> },
    {
      id: 'actions',
      header: columns.actions,
      cell: (project) =>
        mayChange ? (
          <Actions project={project} isOutdated={isOutdated(project.service.statementVersion)} onOpen={onOpen} />
        ) : (
          words.mayNot
        ),
    },
  ];
}

function Actions(props: {
  readonly project: Project;
  readonly isOutdated: boolean;
  readonly onOpen: (open: Open) => void;
}) {
  const { project, isOutdated, onOpen } = props;
  const { name, service } = project;
  const enable = () => onOpen({ is: 'enable', project });
  if (!service.enabled) {
    return (
      <Button variant="inline-link" ariaLabel={words.enableFor(name)} onClick={enable}>
        {words.enable}
      </Button>
    );
  }
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {isOutdated && (
        <Button variant="inline-link" ariaLabel={words.renewFor(name)} onClick={enable}>
          {words.renew}
        </Button>
      )}
      <Button
        variant="inline-link"
        ariaLabel={words.disableFor(name)}
        onClick={() => onOpen({ is: 'disable', project })}
      >
        {words.disable}
      </Button>
    </SpaceBetween>
  );
}
