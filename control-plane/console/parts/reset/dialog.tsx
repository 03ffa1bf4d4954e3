import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useId, useState } from 'react';
import { texts } from '../../texts/index.ts';
import { Dialog } from '../dialog.tsx';
import { FailureAlert } from '../failure.tsx';
import { Affected } from './affected.tsx';
import { systemsOf, type ResetTarget, type RetriedReset } from './form.ts';
import { Identities } from './identities.tsx';
import { Options } from './options.tsx';
import { PasswordFields } from './password-fields.tsx';
import { Readiness } from './readiness.tsx';
import { useReset, type DialogState } from './use-reset.ts';

const words = texts.reset.dialog;

interface Props {
  /** As they are when the dialog opens; it is there for as long as it is rendered. */
  readonly instances: readonly ResetTarget[];
  readonly onDismiss: () => void;
  /** The reset that this one tries again, whose terms it starts with. */
  readonly retried?: RetriedReset | null;
}

/** Resets a password on these instances: what is typed is sealed here, and what is sent nobody on the way can read. */
export function ResetDialog({ instances, onDismiss, retried = null }: Props) {
  const formId = useId();
  const state = useReset({ instances, retried, onDismiss });
  const [tab, setTab] = useState('online');
  const { targets, password, isBusy, isUnknown } = state;
  const leave = (): void => {
    state.giveUp();
    password.drop();
    onDismiss();
  };
  const { judged, isAsking } = state.dryRun;
  // Nobody says OK to what was not shown yet.
  const isShown = judged !== null || !isAsking;
  const canSubmit = tab === 'online' && targets.length > 0 && systemsOf(targets).length === 1 && isShown && !isUnknown;
  return (
    <Dialog
      title={words.title(targets.length, targets[0]?.name ?? '')}
      onClose={leave}
      buttons={
        <>
          <Button formAction="none" variant="link" onClick={leave}>
            {isUnknown ? words.leave : words.cancel}
          </Button>
          <Button
            variant="primary"
            form={formId}
            formAction="submit"
            disabled={!canSubmit}
            loading={isBusy}
            loadingText={words.busy}
          >
            {targets.length > 1 ? words.submitMany(countOf(state)) : words.submit}
          </Button>
        </>
      }
    >
      <Tabs
        activeTabId={tab}
        onChange={({ detail }) => setTab(detail.activeTabId)}
        tabs={[
          {
            id: 'online',
            label: words.tabs.online,
            content: (
              <form
                id={formId}
                onSubmit={(event) => {
                  event.preventDefault();
                  if (canSubmit) state.submit();
                }}
              >
                <Online state={state} isRetry={retried !== null} onLeave={leave} />
              </form>
            ),
          },
          { id: 'offline', label: words.tabs.offline, content: <Offline /> },
        ]}
      />
    </Dialog>
  );
}

/** How many would get the password as things stand. */
function countOf({ targets, consent, dryRun }: DialogState): number {
  const ready = dryRun.judged?.verdict.ready.length;
  return consent.skipBlocked && ready !== undefined ? ready : targets.length;
}

function Online({
  state,
  isRetry,
  onLeave,
}: {
  readonly state: DialogState;
  readonly isRetry: boolean;
  readonly onLeave: () => void;
}) {
  const { targets, form, setForm, narrow, dryRun, missing, error, unseen, isBusy, isUnknown, ports, consent } = state;
  const systems = systemsOf(targets);
  if (targets.length === 0) return <Alert type="info">{words.none}</Alert>;
  if (systems.length > 1) {
    return (
      <Alert type="error" header={words.mixed.title}>
        <SpaceBetween size="s">
          <span>{words.mixed.text}</span>
          <SpaceBetween direction="horizontal" size="xs">
            {systems.map((os) => (
              <Button key={os} formAction="none" onClick={() => narrow(os)}>
                {words.mixed.only(os, targets.filter((target) => target.os === os).length)}
              </Button>
            ))}
          </SpaceBetween>
        </SpaceBetween>
      </Alert>
    );
  }
  return (
    <SpaceBetween size="m">
      <Affected targets={targets} judged={dryRun.judged} />
      <Account state={state} />
      <Readiness
        dryRun={dryRun}
        skipBlocked={form.skipBlocked}
        onSkipBlocked={(skipBlocked) => setForm({ ...form, skipBlocked })}
        onSupersede={() => setForm({ ...form, supersede: true })}
        onLeave={onLeave}
      />
      {dryRun.judged !== null && (
        <Identities
          judged={dryRun.judged}
          pins={ports.pins}
          trustStrangers={consent.trustStrangers}
          isWrong={missing.has('strangers')}
          onTrustStrangers={state.setTrustStrangers}
          onTrusted={dryRun.again}
        />
      )}
      <PasswordFields
        state={state.password}
        rules={state.rules}
        targets={state.ruleTargets}
        policy={state.policy}
        isWrong={{ password: missing.has('password'), again: missing.has('again') }}
      />
      <Options form={form} onChange={setForm} isBatch={targets.length > 1 || isRetry} missing={missing} />
      {missing.has('blocked') && <Alert type="error">{words.blockedFirst}</Alert>}
      {error !== null && <Failed error={error} />}
      {unseen.length > 0 && (
        <Alert type="warning" header={words.unseen.title}>
          {words.unseen.text(unseen)}
        </Alert>
      )}
      {isBusy && <Box variant="small">{words.sending}</Box>}
      {isUnknown && <Alert type="warning">{words.unknownStart}</Alert>}
      <Box variant="small">{words.sealed}</Box>
    </SpaceBetween>
  );
}

function Failed({ error }: { readonly error: unknown }) {
  return (
    <SpaceBetween size="xs">
      <FailureAlert error={error} />
      <Box>{words.afterFailure}</Box>
    </SpaceBetween>
  );
}

function Account({ state: { form, setForm, targets, missing } }: { readonly state: DialogState }) {
  const [os = null] = systemsOf(targets);
  return (
    <FormField
      label={words.account}
      description={words.accountHint(os)}
      errorText={missing.has('account') ? words.accountInvalid : null}
    >
      <Input
        value={form.account}
        placeholder={words.accountPlaceholder(os)}
        autoComplete={false}
        spellcheck={false}
        disableBrowserAutocorrect
        onChange={({ detail }) => setForm({ ...form, account: detail.value })}
      />
    </FormField>
  );
}

/** What it will need, until it exists. */
function Offline() {
  return (
    <Alert type="info" header={words.offline.title}>
      <SpaceBetween size="xs">
        <span>{words.offline.what}</span>
        <span>{words.offline.needs}</span>
        <span>{words.offline.instead}</span>
      </SpaceBetween>
    </Alert>
  );
}
