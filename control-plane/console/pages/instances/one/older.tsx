import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { detach } from '../../../parts/detach.ts';
import { FailureAlert } from '../../../parts/failure.tsx';
import { texts } from '../../../texts/index.ts';

interface Properties<T> extends Pick<TableProps<T>, 'items' | 'trackBy' | 'columnDefinitions'> {
  readonly title: string;
  readonly description?: string;
  readonly empty: string;
  readonly query: {
    readonly error: unknown;
    readonly isPending: boolean;
    readonly hasNextPage: boolean;
    readonly isFetchingNextPage: boolean;
    refetch(): Promise<unknown>;
    fetchNextPage(): Promise<unknown>;
  };
}

/** A listing that begins with the newest and grows by older rows on demand. */
export function OlderTable<T>({ title, description, empty, query, ...table }: Properties<T>) {
  const { error, isPending, hasNextPage, isFetchingNextPage } = query;
  if (error !== null) return <FailureAlert error={error} onRetry={() => detach(query.refetch())} />;
  return (
    <Table<T>
      {...table}
      header={
        <Header variant="h2" {...(description === undefined ? {} : { description })}>
          {title}
        </Header>
      }
      ariaLabels={{ tableLabel: title }}
      wrapLines
      loading={isPending}
      loadingText={texts.loading}
      empty={<Box textAlign="center">{empty}</Box>}
      footer={
        hasNextPage && (
          <Box textAlign="center">
            <Button loading={isFetchingNextPage} onClick={() => detach(query.fetchNextPage())}>
              {texts.instances.older}
            </Button>
          </Box>
        )
      }
    />
  );
}
