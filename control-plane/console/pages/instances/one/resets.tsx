import type { Instance, Reset } from '#protocol';
import { PageLink } from '../../../parts/page-link.tsx';
import { resetPath } from '../../../parts/paths.ts';
import { ResetState } from '../../../parts/reset-state.tsx';
import { When } from '../../../parts/when.tsx';
import { texts } from '../../../texts/index.ts';
import { nameOfActor } from '../../../parts/actor.ts';
import { OlderTable } from './older.tsx';
import { useResets } from './use-instance.ts';

const words = texts.instances.resets;

/** Resets that this instance was part of; each leads to how it went here. */
export function ResetsTab({ instance }: { readonly instance: Instance }) {
  const query = useResets(instance.id);
  return (
    <OlderTable<Reset>
      title={words.title}
      empty={words.none}
      query={query}
      items={query.data?.pages.flatMap(({ items }) => items) ?? []}
      trackBy="id"
      columnDefinitions={[
        {
          id: 'requested',
          header: words.requested,
          minWidth: 190,
          isRowHeader: true,
          cell: ({ id, requestedAt }) => (
            <PageLink to={resetPath(id)}>
              <When at={requestedAt} />
            </PageLink>
          ),
        },
        { id: 'account', header: words.account, cell: ({ account }) => account ?? words.defaultAccount },
        { id: 'mode', header: words.mode, cell: ({ mode }) => words.modes[mode] },
        { id: 'state', header: words.state, cell: (reset) => <ResetState reset={reset} /> },
        {
          id: 'instances',
          header: words.instances,
          cell: ({ counts }) => words.counts(counts.succeeded, counts.total),
        },
        {
          id: 'by',
          header: words.by,
          cell: ({ requestedBy }) => <bdi title={requestedBy}>{nameOfActor(requestedBy)}</bdi>,
        },
      ]}
    />
  );
}
