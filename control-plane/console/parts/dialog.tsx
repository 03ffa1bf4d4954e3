import Box from '@cloudscape-design/components/box';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';
import { useSession } from '../api/session.ts';
import { texts } from '../texts/index.ts';

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  /** Its buttons: the one that does it last, at the end of the line. */
  readonly buttons: ReactNode;
  readonly size?: 'medium' | 'large';
  readonly children: ReactNode;
}

/**
 * A dialog, there for as long as it is rendered. When the session ends it makes way for the sign-in, which would lie below
 * it, and comes back as it was.
 */
export function Dialog({ title, onClose, buttons, size = 'medium', children }: Props) {
  const { isLost } = useSession();
  return (
    <Modal
      visible={!isLost}
      header={title}
      size={size}
      closeAriaLabel={texts.close}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            {buttons}
          </SpaceBetween>
        </Box>
      }
    >
      {children}
    </Modal>
  );
}
