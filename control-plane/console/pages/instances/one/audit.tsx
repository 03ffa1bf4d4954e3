import type { AuditRecord, Instance } from '#protocol';
import { NotAllowed } from '../../../parts/not-allowed.tsx';
import { useRights } from '../../../parts/rights.ts';
import { When } from '../../../parts/when.tsx';
import { texts } from '../../../texts/index.ts';
import { nameOfActor } from '../../../parts/actor.ts';
import { OlderTable } from './older.tsx';
import { useAudit } from './use-instance.ts';

const words = texts.instances.audit;

/** Who did what to this instance, and what it did itself. */
export function AuditTab({ instance }: { readonly instance: Instance }) {
  if (useRights().readAudit) return <Records instance={instance} />;
  return <NotAllowed title={texts.audit.notAllowed} how={texts.audit.notAllowedHow} />;
}

function Records({ instance }: { readonly instance: Instance }) {
  const query = useAudit(instance.id);
  return (
    <OlderTable<AuditRecord>
      title={words.title}
      empty={words.none}
      query={query}
      items={query.data?.pages.flatMap(({ items }) => items) ?? []}
      trackBy={({ sequence }) => String(sequence)}
      columnDefinitions={[
        { id: 'when', header: words.when, minWidth: 190, cell: ({ at }) => <When at={at} /> },
        { id: 'what', header: words.what, cell: ({ action }) => action, isRowHeader: true },
        { id: 'who', header: words.who, cell: ({ actor }) => <bdi title={actor}>{nameOfActor(actor)}</bdi> },
        { id: 'decision', header: words.decision, cell: decisionOf },
        { id: 'facts', header: words.facts, cell: factsOf },
      ]}
    />
  );
}

function decisionOf({ decision, rule }: AuditRecord): string {
  if (decision === null) return texts.instances.none;
  const said = decision === 'allow' ? words.allow : words.deny;
  return rule === null ? said : `${said} (${rule})`;
}

function factsOf({ code, detail }: AuditRecord) {
  const facts = Object.entries(detail).map(([name, value]) => `${name}: ${String(value)}`);
  return <bdi>{[...(code === null ? [] : [code]), ...facts].join(', ') || texts.instances.none}</bdi>;
}
