import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { API_PREFIX, AuditPage, PAGE_ROWS_MAX } from '#protocol';
import { useEffect, useRef, type ReactNode } from 'react';
import { useClient } from '../../api/context.ts';
import type { Client } from '../../api/client.ts';
import { EXPORT_ROWS_MAX, exportName, exportRows, type Exported, type ExportFormat } from '../../parts/export.ts';
import { saveFile } from '../../parts/export-file.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { pageQuery } from '../../parts/cursor.ts';
import { texts } from '../../texts/index.ts';
import { exportHeading, exportRow, filterQuery, type AuditFilter } from './filter.ts';

const words = texts.audit.export;

interface Properties {
  readonly filter: AuditFilter;
  /** What is to be said of it, below the heading. */
  readonly onStatus: (status: ReactNode) => void;
}

/** Takes what the filter lets through along as a file, as far as one may. */
export function ExportControl({ filter, onStatus }: Properties) {
  const client = useClient();
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const start = (format: ExportFormat): void => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const { signal } = controller;
    const dismiss = (): void => onStatus(null);
    const say = (rows: number): void => onStatus(<Progress rows={rows} onStop={() => controller.abort()} />);
    say(0);
    collect(client, { filter, format, signal, progress: say }).then(
      ({ parts, rows, cut }) => {
        saveFile(exportName('audit', format, new Date()), format, [exportHeading(format), ...parts]);
        onStatus(<Done {...{ rows, cut }} onDismiss={dismiss} />);
      },
      (error: unknown) =>
        onStatus(signal.aborted ? null : <FailureAlert error={error} onRetry={() => start(format)} />),
    );
  };
  return (
    <ButtonDropdown
      items={[
        { id: 'csv', text: words.csv, secondaryText: words.what },
        { id: 'jsonl', text: words.jsonl, secondaryText: words.what },
      ]}
      onItemClick={({ detail }) => start(detail.id === 'csv' ? 'csv' : 'jsonl')}
    >
      {words.label}
    </ButtonDropdown>
  );
}

interface Wanted {
  readonly filter: AuditFilter;
  readonly format: ExportFormat;
  readonly signal: AbortSignal;
  readonly progress: (rows: number) => void;
}

function collect(client: Client, { filter, format, signal, progress }: Wanted): Promise<Exported> {
  // One moment for all pages: a span that moved on would lose records at its end.
  const query = filterQuery(filter, Date.now()).toString();
  return exportRows({
    page: (after) =>
      client.get(`${API_PREFIX}/audit?${query}&${pageQuery(PAGE_ROWS_MAX, after).toString()}`, AuditPage, { signal }),
    row: (record) => exportRow(format, record),
    progress: (rows) => {
      signal.throwIfAborted();
      progress(rows);
    },
  });
}

function Progress({ rows, onStop }: { readonly rows: number; readonly onStop: () => void }) {
  return (
    <Alert type="info" action={<Button onClick={onStop}>{words.stop}</Button>}>
      {words.progress(rows)}
    </Alert>
  );
}

function Done(props: { readonly rows: number; readonly cut: boolean; readonly onDismiss: () => void }) {
  const { rows, cut, onDismiss } = props;
  return (
    <Alert type={cut ? 'warning' : 'success'} dismissible onDismiss={onDismiss}>
      {cut ? words.cut(EXPORT_ROWS_MAX) : words.done(rows)}
    </Alert>
  );
}
