import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { Instance } from '#protocol';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { PageLink } from '../../../parts/page-link.tsx';
import { NotAllowed } from '../../../parts/not-allowed.tsx';
import { reEnrolPath } from '../../../parts/paths.ts';
import { useRights } from '../../../parts/rights.ts';
import { texts } from '../../../texts/index.ts';
import { RemoveDialog } from '../forms/remove.tsx';
import { Move, Power, Rename, TagsForm } from './changes.tsx';

const words = texts.instances.danger;

/** What changes who may do what to an instance, or ends it. */
export function DangerTab({ instance }: { readonly instance: Instance }) {
  const rights = useRights();
  if (!rights.changeInstances) return <NotAllowed title={words.notAllowed} how={words.notAllowedHow} />;
  return (
    <SpaceBetween size="l">
      <Rename instance={instance} />
      <Move instance={instance} />
      <TagsForm instance={instance} />
      <Power instance={instance} />
      <ReEnrol instance={instance} />
      {rights.removeInstances && <Remove instance={instance} />}
    </SpaceBetween>
  );
}

interface Part {
  readonly instance: Instance;
}

function ReEnrol({ instance }: Part) {
  return (
    <Container
      header={
        <Header variant="h2" description={words.reEnrolHow}>
          {words.reEnrol}
        </Header>
      }
    >
      <SpaceBetween size="s">
        <ol>
          {words.reEnrolSteps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
        <PageLink to={reEnrolPath(instance.name)}>{words.reEnrolLine}</PageLink>
      </SpaceBetween>
    </Container>
  );
}

function Remove({ instance }: Part) {
  const [isOpen, setOpen] = useState(false);
  const [, navigate] = useLocation();
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={words.removeHow}
          actions={<Button onClick={() => setOpen(true)}>{texts.instances.actions.remove}</Button>}
        >
          {words.remove}
        </Header>
      }
    >
      <Box variant="p">{texts.instances.remove.what}</Box>
      {isOpen && (
        <RemoveDialog
          instance={instance}
          onDismiss={() => setOpen(false)}
          onRemoved={() => navigate('/instances', { replace: true })}
        />
      )}
    </Container>
  );
}
