import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { pinOf, thumbprintOf } from '#protocol';
import { useState } from 'react';
import { texts } from '../../texts/index.ts';
import { detach } from '../detach.ts';
import { FailureAlert } from '../failure.tsx';
import { Fingerprint } from '../fingerprint.tsx';
import type { Pins } from './pins.ts';
import { obstacleOf, strangersOf, type JudgedPlan } from './start.ts';

const words = texts.reset.dialog;
const EVERYTHING = { skipBlocked: true, trustStrangers: true };

interface Props {
  readonly judged: JudgedPlan;
  readonly pins: Pins;
  readonly trustStrangers: boolean;
  readonly isWrong: boolean;
  readonly onTrustStrangers: (trust: boolean) => void;
  /** What is remembered has changed. */
  readonly onTrusted: () => void;
}

/** What is wrong with the plan, or has to be looked at, as far as this browser can tell. */
export function Identities({ judged, pins, trustStrangers, isWrong, onTrustStrangers, onTrusted }: Props) {
  const { refusals } = judged.verdict;
  const obstacle = obstacleOf(judged, EVERYTHING);
  if (refusals.some(({ code }) => code === 'identity-changed')) {
    return <Changed {...{ judged, pins, onTrusted }} />;
  }
  if (obstacle?.kind === 'refused') return <FailureAlert error={obstacle.failure} />;
  const strangers = strangersOf(judged.verdict);
  if (strangers.length === 0) return null;
  return (
    <Alert type={isWrong ? 'error' : 'warning'} header={words.strangers.title(strangers.length)}>
      {words.strangers.text}
      {/* All of them, however many: the one that does not belong there must not be left out. */}
      {strangers.map(({ instanceId, name, fingerprint }) => (
        <Box key={instanceId}>
          <bdi>{name}</bdi> <Fingerprint text={fingerprint} />
          <Before name={pins.index().byId.get(instanceId)?.name ?? null} />
        </Box>
      ))}
      <Checkbox checked={trustStrangers} onChange={({ detail }) => onTrustStrangers(detail.checked)}>
        {words.strangers.trust}
      </Checkbox>
    </Alert>
  );
}

/** What this browser knew it by. */
function Before({ name }: { readonly name: string | null }) {
  return name === null ? null : <> {words.knownBefore(name)}</>;
}

function Changed({ judged, pins, onTrusted }: Pick<Props, 'judged' | 'pins' | 'onTrusted'>) {
  const [isRefused, setRefused] = useState(false);
  const trust = async (name: string): Promise<void> => {
    const target = judged.plan.targets.find((one) => one.name === name);
    if (target === undefined || target.identityKey === null) return;
    const identity = await thumbprintOf(target.identityKey);
    if (pins.trust(pinOf(pins.index().server, { ...target, identity }))) onTrusted();
    else setRefused(true);
  };
  return (
    <Alert type="error" header={words.changed.title}>
      <SpaceBetween size="s">
        <span>{words.changed.text}</span>
        {judged.verdict.refusals
          .filter(({ code }) => code === 'identity-changed')
          .map(({ subject, message }) => (
            <div key={subject}>
              <Box>
                <bdi>{subject}</bdi>: {message}
              </Box>
              <Button formAction="none" onClick={() => detach(trust(subject))}>
                {words.changed.trust(subject)}
              </Button>
            </div>
          ))}
        {isRefused && <span>{words.changed.notKept}</span>}
      </SpaceBetween>
    </Alert>
  );
}
