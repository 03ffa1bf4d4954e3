import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import type { Reset, ResetId } from '#protocol';
import { PageLink } from '../../parts/page-link.tsx';
import { resetPath } from '../../parts/paths.ts';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { nameOfActor } from '../../parts/actor.ts';
import { figure } from '../../texts/words.ts';

const words = texts.reset.progress;

/** What was asked for, by whom, when. */
export function Facts({ reset }: { readonly reset: Reset }) {
  const { facts } = words;
  const { options, stopAfterFailures, retryOf, retriedBy } = reset;
  const chosen = (['unlock', 'unexpire', 'mustChange'] as const).filter((name) => options[name]);
  return (
    <Container header={<Header variant="h2">{words.asked}</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: facts.requestedBy, value: <bdi title={reset.requestedBy}>{nameOfActor(reset.requestedBy)}</bdi> },
          { label: facts.requestedAt, value: <When at={reset.requestedAt} /> },
          { label: facts.notAfter, value: <When at={reset.notAfter} /> },
          { label: facts.finishedAt, value: <When at={reset.finishedAt} /> },
          { label: facts.account, value: reset.account ?? words.defaultAccount },
          {
            label: facts.options,
            value: chosen.length === 0 ? words.options.none : chosen.map((name) => words.options[name]).join(', '),
          },
          { label: facts.concurrency, value: figure(reset.concurrency) },
          { label: facts.stopAfter, value: stopAfterFailures === null ? words.never : figure(stopAfterFailures) },
          ...(retryOf === null ? [] : [{ label: facts.retryOf, value: <Other id={retryOf} /> }]),
          ...(retriedBy.length === 0
            ? []
            : [{ label: facts.retriedBy, value: retriedBy.map((id) => <Other key={id} id={id} />) }]),
        ]}
      />
    </Container>
  );
}

function Other({ id }: { readonly id: ResetId }) {
  return (
    <div>
      <PageLink to={resetPath(id)}>{id}</PageLink>
    </div>
  );
}
