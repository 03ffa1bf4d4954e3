import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FileUpload from '@cloudscape-design/components/file-upload';
import FormField from '@cloudscape-design/components/form-field';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { API_PREFIX, importChunks, ImportedInstances, parseInstanceFile, type ImportLine } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { useClient } from '../../../api/context.ts';
import { detach } from '../../../parts/detach.ts';
import { Dialog } from '../../../parts/dialog.tsx';
import { FailureAlert } from '../../../parts/failure.tsx';
import { texts } from '../../../texts/index.ts';

const words = texts.instances.importing;
const MEBIBYTE = 1024 * 1024;
/** As much as the command line takes. */
const FILE_BYTES_MAX = 16 * MEBIBYTE;
/** A text field is slow with more; what a file holds beyond that is read, and not shown. */
const SHOWN_CHARS_MAX = 50_000;
const PROBLEMS_SHOWN_MAX = 20;

/** Adds many instances from lines that are pasted or come from a file. */
export function ImportDialog({ onDismiss }: { readonly onDismiss: () => void }) {
  const [text, setText] = useState('');
  const { lines, problems } = useMemo(() => parseInstanceFile(text), [text]);
  const run = useImport();
  const isEmpty = text.trim() === '';
  const count = problems.length > 0 ? 0 : lines.length;
  return (
    <Dialog
      title={words.title}
      onClose={onDismiss}
      size="large"
      buttons={
        <>
          <Button variant="link" onClick={onDismiss}>
            {run.isSuccess ? texts.instances.actions.close : texts.instances.actions.cancel}
          </Button>
          <Button
            variant="primary"
            disabled={isEmpty || count === 0 || run.isSuccess}
            loading={run.isPending}
            onClick={() => run.mutate(lines)}
          >
            {words.import(count)}
          </Button>
        </>
      }
    >
      <SpaceBetween size="m">
        <Box variant="p">{words.how}</Box>
        <Source
          text={text}
          onText={(next) => {
            setText(next);
            run.reset();
          }}
        />
        {!isEmpty && problems.length > 0 && <Problems problems={problems} />}
        {!isEmpty && count > 0 && run.isIdle && <Box variant="p">{words.ready(count)}</Box>}
        {run.isPending && <ProgressBar value={(100 * run.added) / Math.max(1, count)} label={words.progress} />}
        {run.error !== null && <FailureAlert error={run.error} />}
        {run.error !== null && run.added > 0 && <Alert type="warning">{words.stayed(run.added)}</Alert>}
        {run.isSuccess && (
          <div role="status">
            <Alert type="success">{words.added(run.added)}</Alert>
          </div>
        )}
      </SpaceBetween>
    </Dialog>
  );
}

/** What fits into one request is added as a whole or not at all; of several, those before a failure stay. */
function useImport() {
  const client = useClient();
  const queries = useQueryClient();
  const [added, setAdded] = useState(0);
  const run = useMutation({
    mutationFn: async (lines: readonly ImportLine[]) => {
      let sum = 0;
      setAdded(0);
      for (const chunk of importChunks(lines)) {
        const body = { instances: chunk.map(({ instance }) => instance) };
        const imported = await client.send('POST', `${API_PREFIX}/instances/import`, ImportedInstances, { body });
        sum += imported.added;
        setAdded(sum);
      }
    },
    onSettled: () => detach(queries.invalidateQueries({ queryKey: ['instances'] })),
  });
  return { ...run, added };
}

function Source({ text, onText }: { readonly text: string; readonly onText: (text: string) => void }) {
  const [files, setFiles] = useState<readonly File[]>([]);
  const [isUnreadable, setUnreadable] = useState(false);
  const newest = useRef<File>(undefined);
  const isTooLarge = files.some(({ size }) => size > FILE_BYTES_MAX);
  const take = (file: File | undefined): void => {
    newest.current = file;
    setUnreadable(false);
    // Nothing of an earlier file stays beside the name of another; what was typed stays until there is something instead.
    if (file === undefined || files.length > 0) onText('');
    if (file === undefined || file.size > FILE_BYTES_MAX) return;
    const unlessAnother = (then: () => void): void => {
      if (newest.current === file) then();
    };
    // Removed, or changed since it was chosen: the browser tells no more than that it cannot be read.
    file.text().then(
      (text) => unlessAnother(() => onText(text)),
      () => unlessAnother(() => setUnreadable(true)),
    );
  };
  return (
    <SpaceBetween size="m">
      <FormField
        label={words.file}
        constraintText={words.limit(FILE_BYTES_MAX / MEBIBYTE)}
        errorText={isTooLarge ? words.tooLarge : isUnreadable ? words.unreadable : null}
      >
        <FileUpload
          value={[...files]}
          accept=".csv,.jsonl,.ndjson,.txt,text/csv"
          showFileSize
          i18nStrings={{
            uploadButtonText: () => words.choose,
            dropzoneText: () => words.choose,
            removeFileAriaLabel: (at) => words.dismissFile(files[at]?.name ?? ''),
            limitShowFewer: '',
            limitShowMore: '',
            errorIconAriaLabel: words.fileWrong,
          }}
          onChange={({ detail }) => {
            setFiles(detail.value);
            take(detail.value[0]);
          }}
        />
      </FormField>
      {text.length <= SHOWN_CHARS_MAX && (
        <FormField label={words.text} stretch>
          <Textarea
            rows={8}
            spellcheck={false}
            placeholder={words.placeholder}
            value={text}
            onChange={({ detail }) => onText(detail.value)}
          />
        </FormField>
      )}
    </SpaceBetween>
  );
}

function Problems({ problems }: { readonly problems: readonly { readonly line: number; readonly message: string }[] }) {
  const hidden = problems.length - PROBLEMS_SHOWN_MAX;
  return (
    <Alert type="error" header={words.problems(problems.length)}>
      <ul>
        {problems.slice(0, PROBLEMS_SHOWN_MAX).map(({ line, message }) => (
          <li key={line}>{words.problem(line, message)}</li>
        ))}
      </ul>
      {hidden > 0 && <Box variant="p">{words.moreProblems(hidden)}</Box>}
      {words.nothingYet}
    </Alert>
  );
}
