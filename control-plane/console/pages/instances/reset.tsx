import Box from '@cloudscape-design/components/box';
import Modal from '@cloudscape-design/components/modal';
import { texts } from '../../texts/index.ts';
import type { Chosen } from './list/selection.ts';

interface Properties {
  readonly instances: readonly Chosen[];
  onDismiss(): void;
}

/** The dialog of a reset, loaded when it is first asked for. */
export function ResetPassword({ instances, onDismiss }: Properties) {
  return (
    <Modal visible onDismiss={onDismiss} header={texts.instances.actions.reset}>
      <Box>{texts.instances.instance(instances.length)}</Box>
    </Modal>
  );
}
