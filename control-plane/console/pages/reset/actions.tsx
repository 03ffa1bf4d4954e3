import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { API_PREFIX, CancelledReset, defaultAccount, Reset } from '#protocol';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { exportName, type ExportFormat } from '../../parts/export.ts';
import { saveFile } from '../../parts/export-file.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { ResetDialog } from '../../parts/reset/dialog.tsx';
import type { ResetTarget } from '../../parts/reset/form.ts';
import type { SentTargets } from '../../parts/reset/sent.ts';
import { useRights } from '../../parts/rights.ts';
import { texts } from '../../texts/index.ts';
import { csvOf, jsonTextOf } from './export.ts';
import type { ProgressStore, Snapshot } from './progress.ts';
import { retryable } from './row.ts';

const words = texts.reset.progress;

interface Props {
  readonly reset: Reset;
  readonly store: ProgressStore;
  readonly snapshot: Snapshot;
  readonly sent: SentTargets | null;
}

/** What can be done with the reset. */
export function Actions({ reset, store, snapshot, sent }: Props) {
  const rights = useRights();
  const counts = snapshot.counts ?? reset.counts;
  // Less than all would be taken for all.
  const isWhole = snapshot.known >= counts.total;
  const isOpen = counts.pending > 0;
  return (
    <SpaceBetween size="xs">
      <SpaceBetween direction="horizontal" size="xs">
        {rights.holdResets && isOpen && <Holding reset={reset} />}
        {rights.reset && <Retry {...{ reset, store, sent }} isWhole={isWhole} />}
        <ButtonDropdown
          disabled={!isWhole}
          items={[
            { id: 'csv', text: words.exportCsv },
            { id: 'json', text: words.exportJson },
          ]}
          onItemClick={({ detail }) => {
            const format: ExportFormat = detail.id === 'csv' ? 'csv' : 'json';
            const text = format === 'csv' ? csvOf(store.rows()) : jsonTextOf(reset, store.rows());
            saveFile(exportName(`reset-${reset.id}`, format, new Date()), format, [text]);
          }}
        >
          {words.exportMenu}
        </ButtonDropdown>
      </SpaceBetween>
      {!isWhole && <Box variant="small">{words.incomplete(snapshot.known, counts.total)}</Box>}
    </SpaceBetween>
  );
}

/** Pause, resume, cancel. */
function Holding({ reset }: { readonly reset: Reset }) {
  const client = useClient();
  const queries = useQueryClient();
  const [busy, setBusy] = useState<'pause' | 'resume' | 'cancel' | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isAsking, setAsking] = useState(false);
  const act = (what: 'pause' | 'resume' | 'cancel'): void => {
    const path = `${API_PREFIX}/resets/${reset.id}/${what}`;
    const acted = what === 'cancel' ? client.send('POST', path, CancelledReset) : client.send('POST', path, Reset);
    setBusy(what);
    setError(null);
    setAsking(false);
    acted
      .then(
        () => detach(queries.invalidateQueries({ queryKey: ['resets'] })),
        (failure: unknown) => setError(failure),
      )
      .finally(() => setBusy(null));
  };
  const next = reset.state === 'paused' ? 'resume' : 'pause';
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {reset.state !== 'stopped' && (
        <Button loading={busy === next} onClick={() => act(next)}>
          {words[next]}
        </Button>
      )}
      <Button loading={busy === 'cancel'} onClick={() => setAsking(true)}>
        {words.cancel}
      </Button>
      {isAsking && <Confirm onCancel={() => setAsking(false)} onConfirm={() => act('cancel')} />}
      {error !== null && <FailureAlert error={error} />}
    </SpaceBetween>
  );
}

function Confirm({ onCancel, onConfirm }: { readonly onCancel: () => void; readonly onConfirm: () => void }) {
  return (
    <Dialog
      title={words.cancelTitle}
      onClose={onCancel}
      buttons={
        <>
          <Button variant="link" onClick={onCancel}>
            {words.back}
          </Button>
          <Button variant="primary" onClick={onConfirm}>
            {words.cancel}
          </Button>
        </>
      }
    >
      {words.cancelText}
    </Dialog>
  );
}

interface RetryProps extends Pick<Props, 'reset' | 'store' | 'sent'> {
  readonly isWhole: boolean;
}

/** What did not succeed, once more; with a password typed again, as the first was not kept. */
function Retry({ reset, store, sent, isWhole }: RetryProps) {
  const [chosen, setChosen] = useState<{ readonly targets: readonly ResetTarget[]; readonly reset: Reset } | null>(
    null,
  );
  const [isContradicted, setContradicted] = useState(false);
  const rows = isWhole ? store.rows() : [];
  const failed = retryable(rows, false);
  const withCancelled = retryable(rows, true);
  if (withCancelled.length === 0) return null;
  const choose = (targets: readonly ResetTarget[]): void => {
    // The new password would be sealed for the account that the control plane names.
    const contradicts = [...(sent?.values() ?? [])].some(({ instanceId, account }) => {
      const os = store.row(instanceId)?.os;
      return os !== undefined && account !== (reset.account ?? defaultAccount(os));
    });
    setContradicted(contradicts);
    if (!contradicts) setChosen({ targets, reset });
  };
  return (
    <>
      <ButtonDropdown
        variant="primary"
        items={[
          ...(failed.length > 0 ? [{ id: 'failed', text: words.retry(failed.length) }] : []),
          ...(withCancelled.length > failed.length
            ? [{ id: 'cancelled', text: words.retryCancelled(withCancelled.length) }]
            : []),
        ]}
        onItemClick={({ detail }) => choose(detail.id === 'failed' ? failed : withCancelled)}
      >
        {words.retryMenu}
      </ButtonDropdown>
      {isContradicted && <Alert type="error">{words.otherAccount}</Alert>}
      {chosen !== null && (
        <ResetDialog instances={chosen.targets} retried={chosen.reset} onDismiss={() => setChosen(null)} />
      )}
    </>
  );
}
