import Spinner from '@cloudscape-design/components/spinner';
import { lazy, Suspense } from 'react';
import type { Chosen } from './list/selection.ts';

const Dialog = lazy(async () => ({ default: (await import('../../parts/reset/dialog.tsx')).ResetDialog }));

interface Properties {
  readonly instances: readonly Chosen[];
  readonly onDismiss: () => void;
}

/** The dialog of a reset, with what seals passwords: loaded when it is first asked for. */
export function ResetPassword({ instances, onDismiss }: Properties) {
  return (
    <Suspense fallback={<Spinner />}>
      <Dialog instances={instances} onDismiss={onDismiss} />
    </Suspense>
  );
}
