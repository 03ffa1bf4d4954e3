import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { Reset } from '#protocol';
import { standOf } from './stand.ts';

/** The same wherever a reset is shown. */
export function ResetState({ reset }: { readonly reset: Pick<Reset, 'state' | 'counts'> }) {
  const { tone, text } = standOf(reset);
  return (
    <StatusIndicator type={tone} wrapText={false}>
      {text}
    </StatusIndicator>
  );
}
