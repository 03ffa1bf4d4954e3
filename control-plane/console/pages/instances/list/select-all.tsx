import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { API_PREFIX, InstancePage, TARGETS_MAX, type Instance } from '#protocol';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useClient } from '../../../api/context.ts';
import { FailureAlert } from '../../../parts/failure.tsx';
import { texts } from '../../../texts/index.ts';
import { NOTHING, offersAll, selectionOf, type Selection } from './selection.ts';
import { listParams, type ListView } from './view.ts';
import { collect } from './walk.ts';

const words = texts.instances.select;

interface Properties {
  readonly view: ListView;
  readonly selection: Selection;
  readonly page: readonly Instance[];
  readonly total: number;
  readonly onSelect: (selection: Selection) => void;
}

/** What is selected, on other pages too, and the way to select all that match. */
export function SelectAll({ view, selection, page, total, onSelect }: Properties) {
  const all = useCollection(view, onSelect);
  const elsewhere = selection.size - page.filter(({ id }) => selection.has(id)).length;
  if (all.isPending) {
    const status = words.collected(all.found, Math.min(total, TARGETS_MAX));
    return (
      <Box margin={{ bottom: 's' }}>
        <SpaceBetween size="xs">
          <ProgressBar
            value={(100 * all.found) / Math.max(1, Math.min(total, TARGETS_MAX))}
            label={words.collecting}
            description={status}
          />
          <Button onClick={all.stop}>{words.stop}</Button>
        </SpaceBetween>
      </Box>
    );
  }
  if (all.error !== null) return <FailureAlert error={all.error} onRetry={all.start} />;
  if (selection.size === 0) return null;
  return (
    <Box margin={{ bottom: 's' }}>
      <Alert>
        <SpaceBetween size="s" direction="horizontal" alignItems="center">
          <span role="status">
            {all.isLimited && selection.size >= TARGETS_MAX
              ? words.limited(selection.size)
              : words.chosen(selection.size)}{' '}
            {elsewhere > 0 && words.chosenElsewhere(elsewhere)}
          </span>
          {offersAll(selection, page, Math.min(total, TARGETS_MAX)) && (
            <Button variant="inline-link" onClick={all.start}>
              {total > TARGETS_MAX ? words.firstMatching(TARGETS_MAX, total) : words.matching(total)}
            </Button>
          )}
          <Button variant="inline-link" onClick={() => onSelect(NOTHING)}>
            {words.clear}
          </Button>
        </SpaceBetween>
      </Alert>
    </Box>
  );
}

/** Finds all that match, in steps, until it has them, is stopped, or is no longer on the page. */
function useCollection(view: ListView, onSelect: (selection: Selection) => void) {
  const client = useClient();
  const [found, setFound] = useState(0);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const params = listParams(view).toString();
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: async () => {
      const controller = new AbortController();
      stop.current = controller;
      setFound(0);
      const list = (limit: number, after: string | null) => {
        const place = after === null ? '' : `&cursor=${encodeURIComponent(after)}`;
        const path = `${API_PREFIX}/instances?${params}&limit=${limit}${place}`;
        return client.get(path, InstancePage, { signal: controller.signal });
      };
      const options = { max: TARGETS_MAX, signal: controller.signal, onProgress: setFound };
      // Whoever stops it has asked for nothing to change.
      const all = await collect(list, options).catch((failure: unknown) => {
        if (controller.signal.aborted) return null;
        throw failure;
      });
      if (all !== null) onSelect(selectionOf(all.items));
      return all?.more === true;
    },
  });
  return {
    start: () => mutate(),
    stop: () => stop.current?.abort(),
    isPending,
    error,
    found,
    isLimited: data === true,
  };
}
