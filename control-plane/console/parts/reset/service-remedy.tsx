import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import type { ProjectName } from '#protocol';
import { useState } from 'react';
import { texts } from '../../texts/index.ts';
import { useRights } from '../rights.ts';
import { StatementDialog } from '../service/statement.tsx';
import { useStatement } from '../service/use-statement.ts';

const words = texts.reset.dialog.remedies;

interface Props {
  readonly project: ProjectName;
  readonly onEnabled: () => void;
}

/** Online reset has to be enabled for a project by somebody who has read what that means. */
export function ServiceRemedy({ project, onEnabled }: Props) {
  const { changeService } = useRights();
  const [isOpen, setOpen] = useState(false);
  if (!changeService) return <Box>{words.askService(project)}</Box>;
  return (
    <div>
      <Button formAction="none" variant="inline-link" onClick={() => setOpen(true)}>
        {words.service(project)}
      </Button>
      {isOpen && <Enable project={project} onClose={() => setOpen(false)} onEnabled={onEnabled} />}
    </div>
  );
}

function Enable({ project, onClose, onEnabled }: Props & { readonly onClose: () => void }) {
  const statement = useStatement();
  return (
    // The key that closes this dialog is not for the one below it, which holds what was typed.
    <div onKeyDown={(event) => event.stopPropagation()}>
      <StatementDialog statement={statement} project={project} onClose={onClose} onEnabled={onEnabled} />
    </div>
  );
}
