import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { PageLink } from '../../parts/page-link.tsx';
import { ToCopy } from '../../parts/to-copy.tsx';
import { texts } from '../../texts/index.ts';
import { ReleaseKey } from './release-key.tsx';
import type { Catalogue } from './releases.ts';

const words = texts.install.releases;

/** Nothing to install from: what whoever runs the control plane does, and the way around it. */
export function NoRelease() {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{words.none}</Header>}>
        <SpaceBetween size="s">
          <Box variant="p">{words.noneHow}</Box>
          <ToCopy text={words.addCommand} copy={texts.install.line.copyCommands} label={words.none} />
          <Box variant="p">{words.noneThen}</Box>
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{words.checkout}</Header>}>
        <SpaceBetween size="s">
          <Box variant="p">{words.checkoutHow}</Box>
          <PageLink to="/access">{words.tokens}</PageLink>
          <ToCopy
            text={words.checkoutCommands(location.origin).join('\n')}
            copy={texts.install.line.copyCommands}
            label={words.checkout}
          />
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}

/** There are releases, and one of them cannot be believed: none is offered. */
export function NotBelieved({
  catalogue,
}: {
  readonly catalogue: Extract<Catalogue, { is: 'unsigned' | 'other-key' }>;
}) {
  return (
    <Alert type="error" header={catalogue.is === 'unsigned' ? words.broken : words.otherKey}>
      <SpaceBetween size="s">
        <Box variant="p">{words.brokenHow}</Box>
        <ReleaseKey releaseKey={catalogue.key} />
      </SpaceBetween>
    </Alert>
  );
}
