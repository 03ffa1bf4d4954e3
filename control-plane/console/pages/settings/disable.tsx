import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ProjectName } from '#protocol';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureAlert } from '../../parts/failure.tsx';
import { useServiceChange } from '../../parts/service/use-service-change.ts';
import { texts } from '../../texts/index.ts';

const words = texts.settings.disable;

/** Asks once more before online reset ends for a project. */
export function DisableDialog({ project, onClose }: { readonly project: ProjectName; readonly onClose: () => void }) {
  const change = useServiceChange(onClose);
  return (
    <Dialog
      title={words.title(project)}
      onClose={onClose}
      buttons={
        <>
          <Button variant="link" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button
            variant="primary"
            loading={change.isPending}
            onClick={() => change.mutate({ project, change: { enabled: false } })}
          >
            {words.submit}
          </Button>
        </>
      }
    >
      <SpaceBetween size="m">
        {change.error !== null && <FailureAlert error={change.error} />}
        <Box variant="p">{words.what}</Box>
      </SpaceBetween>
    </Dialog>
  );
}
