import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Icon, { type IconProps } from '@cloudscape-design/components/icon';
import Input from '@cloudscape-design/components/input';
import LiveRegion from '@cloudscape-design/components/live-region';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { PasswordPolicy } from '#protocol';
import { useState } from 'react';
import { texts } from '../../texts/index.ts';
import { generateFor, type Rule, type RuleState, type RuleTarget } from './rules.ts';
import type { PasswordState } from './use-password.ts';

const words = texts.reset.dialog;

interface Props {
  readonly state: PasswordState;
  readonly rules: readonly Rule[];
  readonly targets: readonly RuleTarget[];
  readonly policy: PasswordPolicy;
  readonly isWrong: { readonly password: boolean; readonly again: boolean };
}

/** The new password, twice, and its rules. */
export function PasswordFields({ state, rules, targets, policy, isWrong }: Props) {
  const { password, again, isShown, setPassword, setAgain } = state;
  const field = {
    type: isShown ? ('text' as const) : ('password' as const),
    autoComplete: 'new-password',
    // Some browsers send what they check to somebody else.
    spellcheck: false,
    disableBrowserAutocorrect: true,
  };
  const differs = isWrong.again || (again !== '' && !password.startsWith(again));
  return (
    <SpaceBetween size="s">
      <FormField
        label={words.password}
        errorText={isWrong.password ? words.rulesMet(rules.filter(isMet).length, rules.length) : null}
      >
        <Input {...field} value={password} ariaRequired onChange={({ detail }) => setPassword(detail.value)} />
      </FormField>
      <Tools {...{ state, targets, policy }} />
      <Rules rules={rules} />
      <FormField label={words.again} errorText={differs ? words.differs : null}>
        <Input {...field} value={again} ariaRequired onChange={({ detail }) => setAgain(detail.value)} />
      </FormField>
    </SpaceBetween>
  );
}

type Said = 'copied' | 'notCopied' | 'cannotGenerate';

function Tools({ state, targets, policy }: Pick<Props, 'state' | 'targets' | 'policy'>) {
  const { password, isShown, setShown, generated } = state;
  const [said, setSaid] = useState<Said | null>(null);
  const generate = (): void => {
    try {
      generated(generateFor(targets, policy));
      setSaid(null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      setSaid('cannotGenerate');
    }
  };
  const copy = (): void => {
    navigator.clipboard.writeText(password).then(
      () => setSaid('copied'),
      () => setSaid('notCopied'),
    );
  };
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      <Button formAction="none" iconName={isShown ? 'lock-private' : 'unlocked'} onClick={() => setShown(!isShown)}>
        {isShown ? words.hide : words.show}
      </Button>
      <Button formAction="none" iconName="refresh" onClick={generate}>
        {words.generate}
      </Button>
      <Button formAction="none" iconName="copy" disabled={password === ''} onClick={copy}>
        {words.copy}
      </Button>
      <LiveRegion>{said !== null && <Box variant="small">{words[said]}</Box>}</LiveRegion>
    </SpaceBetween>
  );
}

const ICONS: Record<RuleState, Pick<IconProps, 'name' | 'variant'>> = {
  met: { name: 'status-positive', variant: 'success' },
  open: { name: 'status-pending', variant: 'subtle' },
  later: { name: 'status-info', variant: 'subtle' },
};

/** Ticked off while typing; who listens hears how many are met, not each of them again with every letter. */
function Rules({ rules }: { readonly rules: readonly Rule[] }) {
  return (
    <div>
      <Box variant="awsui-key-label">{words.rules}</Box>
      <Box>
        {rules.map(({ text, state }) => (
          <div key={text}>
            <Icon {...ICONS[state]} ariaLabel={words.ruleStates[state]} /> {text}
            {state === 'later' ? ` (${words.ruleStates.later})` : ''}
          </div>
        ))}
      </Box>
      <LiveRegion hidden>{words.rulesMet(rules.filter(isMet).length, rules.length)}</LiveRegion>
    </div>
  );
}

function isMet({ state }: Rule): boolean {
  return state !== 'open';
}
