import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { cloudConfig, fingerprintOf, playbook, type Thumbprint } from '#protocol';
import { ToCopy } from '../../parts/to-copy.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { ansibleOptions } from './form.ts';
import type { MadeLine } from './make-line.ts';

const words = texts.install.line;

/** What is copied to the machine, in three shapes, and what it does there. */
export function Line({ made }: { readonly made: MadeLine }) {
  const { text, wanted, expiresAt } = made;
  const expires = expiresAt === null ? texts.access.tokens.never : new Date(expiresAt).toISOString();
  return (
    <Container header={<Header variant="h2">{words.title}</Header>}>
      <SpaceBetween size="m">
        <Alert type="warning">
          {words.once} {words.until} <When at={expiresAt} />.
        </Alert>
        <Tabs
          ariaLabel={words.title}
          tabs={[
            {
              id: 'line',
              label: words.tabs.line,
              content: <Shape how={words.lineHow} copy={words.copy} lines={text} />,
            },
            {
              id: 'cloud-init',
              label: words.tabs.cloudInit,
              content: <Shape how={words.cloudInitHow} copy={words.copyUserData} lines={cloudConfig(text, expires)} />,
            },
            {
              id: 'ansible',
              label: words.tabs.ansible,
              content: (
                <Shape how={words.ansibleHow} copy={words.copyPlaybook} lines={playbook(ansibleOptions(wanted))} />
              ),
            },
          ]}
        />
        <ScriptKey scriptKey={made.scriptKey} />
        <Steps made={made} />
      </SpaceBetween>
    </Container>
  );
}

function Shape(props: { readonly how: string; readonly copy: string; readonly lines: readonly string[] }) {
  return (
    <SpaceBetween size="xs">
      <Box variant="p">{props.how}</Box>
      <ToCopy text={`${props.lines.join('\n')}\n`} copy={props.copy} label={words.text} />
    </SpaceBetween>
  );
}

/** Whose scripts the machine will run as root: to be compared by whoever knows the key from elsewhere. */
function ScriptKey({ scriptKey }: { readonly scriptKey: Thumbprint }) {
  return (
    <div>
      <Box variant="awsui-key-label">{words.scriptKey}</Box>
      <CopyToClipboard
        variant="inline"
        wrapText
        textToCopy={fingerprintOf(scriptKey)}
        copyButtonAriaLabel={words.copyScriptKey}
        copySuccessText={words.copied}
        copyErrorText={words.copyFailed}
      />
      <Box variant="small">{words.scriptKeyHow}</Box>
    </div>
  );
}

function Steps({ made }: { readonly made: MadeLine }) {
  const { wanted, scriptSha256, archive, archiveSha256, hasAuthority } = made;
  const { url, service } = wanted;
  const facts = { url, script: scriptSha256, archive, archiveHash: archiveSha256, own: hasAuthority, service };
  return (
    <ExpandableSection headerText={words.steps}>
      <ol>
        {texts.install.steps(facts).map((step) => (
          <li key={step}>
            <Box variant="span">
              <span className="step">{step}</span>
            </Box>
          </li>
        ))}
      </ol>
    </ExpandableSection>
  );
}
