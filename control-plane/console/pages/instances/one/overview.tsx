import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ADVISORY_CODES, fingerprintOf, type Instance, type Thumbprint } from '#protocol';
import type { ReactNode } from 'react';
import { AgentStateIndicator } from '../../../parts/agent-state.tsx';
import { PageLink } from '../../../parts/page-link.tsx';
import { installPath } from '../../../parts/paths.ts';
import { remedyOf } from '../../../parts/remedy.ts';
import { When } from '../../../parts/when.tsx';
import { texts } from '../../../texts/index.ts';

const words = texts.instances;

/** What is wrong with it, what to do, and what is known of it. */
export function OverviewTab({ instance }: { readonly instance: Instance }) {
  return (
    <SpaceBetween size="l">
      <Reasons instance={instance} />
      <Facts instance={instance} />
    </SpaceBetween>
  );
}

function Reasons({ instance }: { readonly instance: Instance }) {
  const { state, reasons } = instance.agent;
  if (reasons.length === 0) return <StateNotice instance={instance} />;
  return (
    <SpaceBetween size="s">
      {reasons.map(({ code, component, message, remedy, detail, since }) => (
        <Alert
          key={`${component ?? ''} ${code}`}
          type={state === 'running' || isAdvisory(code) ? 'warning' : 'error'}
          header={message}
        >
          <Box variant="p">{remedyOf({ code, remedy })}</Box>
          {detail !== null && (
            <Box variant="p">
              <bdi>{detail}</bdi>
            </Box>
          )}
          <Box variant="small">
            {component !== null && `${words.health.names[component]} · `}
            {code} · {words.reasons.since} <When at={since} />
          </Box>
        </Alert>
      ))}
    </SpaceBetween>
  );
}

function isAdvisory(code: string): boolean {
  return ADVISORY_CODES.some((advisory) => advisory === code);
}

/** What a state means where nobody has given a reason. */
function StateNotice({ instance }: { readonly instance: Instance }) {
  const { reasons } = words;
  switch (instance.agent.state) {
    case 'running':
      return <Alert type="success">{reasons.none}</Alert>;
    case 'not-installed':
    case 'install-failed':
      return (
        <Alert type="info" action={<PageLink to={installPath(instance.name)}>{reasons.install}</PageLink>}>
          {reasons.notInstalled}
        </Alert>
      );
    case 'installing':
      return <Alert type="info">{reasons.installing}</Alert>;
    case 'offline':
    case 'abnormal':
      return <Alert type="warning">{reasons.offline}</Alert>;
    default:
      return instance.agent.state satisfies never;
  }
}

function Facts({ instance }: { readonly instance: Instance }) {
  const { facts, columns } = words;
  const { agent } = instance;
  return (
    <Container header={<Header variant="h2">{facts.title}</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: facts.state, value: <AgentStateIndicator state={agent.state} /> },
          { label: columns.os, value: words.os[instance.os] },
          { label: columns.power, value: words.power[instance.power] },
          { label: columns.project, value: <bdi>{instance.project}</bdi> },
          { label: columns.version, value: text(agent.version) },
          { label: columns.lastSeenAt, value: <When at={agent.lastSeenAt} /> },
          { label: facts.connectedSince, value: connected(agent.connectedSince) },
          { label: `${facts.hostname} (${facts.claimed})`, value: text(agent.hostname) },
          { label: `${facts.osVersion} (${facts.claimed})`, value: text(agent.osVersion) },
          { label: columns.createdAt, value: <When at={instance.createdAt} /> },
          { label: facts.id, value: <Copied text={instance.id} label={facts.copyId} /> },
          { label: columns.tags, value: <AllTags instance={instance} /> },
          { label: facts.identity, value: <Identity identity={agent.identity} /> },
        ]}
      />
    </Container>
  );
}

function connected(since: number | null): ReactNode {
  return since === null ? words.facts.notConnected : <When at={since} />;
}

function text(value: string | null): ReactNode {
  return value === null ? words.none : <bdi>{value}</bdi>;
}

function Identity({ identity }: { readonly identity: Thumbprint | null }) {
  if (identity === null) return <>{words.facts.noIdentity}</>;
  return (
    <>
      <Copied text={fingerprintOf(identity)} label={words.facts.copy} />
      <Box variant="small" display="block">
        {words.facts.identityHow}
      </Box>
    </>
  );
}

function Copied({ text: copied, label }: { readonly text: string; readonly label: string }) {
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={copied}
      copyButtonAriaLabel={label}
      copySuccessText={words.actions.copied}
      copyErrorText={words.actions.copyFailed}
    />
  );
}

function AllTags({ instance }: { readonly instance: Instance }) {
  const tags = Object.entries(instance.tags);
  if (tags.length === 0) return <>{words.facts.noTags}</>;
  return (
    <>
      {tags.map(([key, value]) => (
        <div key={key}>
          <bdi>
            {key}={value}
          </bdi>
        </div>
      ))}
    </>
  );
}
