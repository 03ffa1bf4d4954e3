import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { Reset, ResetCounts } from '#protocol';
import { useEffect, useState } from 'react';
import { ResetState } from '../../parts/reset-state.tsx';
import { texts } from '../../texts/index.ts';
import type { ResetHearing } from './follow.ts';
import { paceOf, withSample, type Pace, type Sample } from './pace.ts';
import type { Snapshot } from './progress.ts';
import { figure } from '../../texts/words.ts';

const words = texts.reset.progress;

interface Props {
  readonly reset: Reset;
  readonly snapshot: Snapshot;
  readonly hearing: ResetHearing;
  readonly isProvable: boolean;
}

/** Where the reset stands as a whole. */
export function Standing({ reset, snapshot, hearing, isProvable }: Props) {
  const counts = snapshot.counts ?? reset.counts;
  const state = snapshot.state ?? reset.state;
  const isOpen = counts.pending > 0;
  const pace = usePace(counts, isOpen && state === 'running');
  return (
    <Container header={<Header variant="h2">{words.facts.state}</Header>}>
      <SpaceBetween size="m">
        <ResetState reset={{ state, counts }} />
        {isOpen && <Alert type="info">{state === 'paused' ? words.paused : words.doNotRepeat}</Alert>}
        <Bar counts={counts} pace={pace} />
        <Sums counts={counts} />
        {snapshot.silent.length > 0 && (
          <Alert type="error" header={words.silent.title(snapshot.silent.length)}>
            {words.silent.text(snapshot.silent)}
          </Alert>
        )}
        {(counts.succeeded > 0 || !isProvable) && (
          <Box variant="small">
            {isProvable ? words.provenHere(snapshot.proven, counts.succeeded) : words.notProvable}
          </Box>
        )}
        {(hearing === 'connecting' || hearing === 'polling') && snapshot.counts !== null && (
          <StatusIndicator type={hearing === 'polling' ? 'info' : 'loading'}>{words.hearing[hearing]}</StatusIndicator>
        )}
      </SpaceBetween>
    </Container>
  );
}

function Bar({ counts, pace }: { readonly counts: ResetCounts; readonly pace: Pace | null }) {
  const { total, pending } = counts;
  const done = total - pending;
  return (
    <ProgressBar
      label={words.bar}
      value={total === 0 ? 0 : Math.floor((done / total) * 100)}
      additionalInfo={words.barText(done, total)}
      description={pace === null ? undefined : words.pace(pace.perSecond, texts.reset.span(pace.leftMs))}
    />
  );
}

const SUMS = ['total', 'succeeded', 'failed', 'blocked', 'pending'] as const;

function Sums({ counts }: { readonly counts: ResetCounts }) {
  return (
    <ColumnLayout columns={SUMS.length} variant="text-grid" minColumnWidth={110}>
      {SUMS.map((key) => (
        <div key={key}>
          <Box variant="awsui-key-label">{words.counts[key]}</Box>
          <Box variant="awsui-value-large">{figure(counts[key])}</Box>
        </div>
      ))}
    </ColumnLayout>
  );
}

/** How fast it goes, from what was seen since the page was opened. */
function usePace({ total, pending }: ResetCounts, isGoing: boolean): Pace | null {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const done = total - pending;
  useEffect(() => setSamples((before) => withSample(before, { at: performance.now(), done })), [done]);
  return isGoing ? paceOf(samples, pending) : null;
}
