import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { fingerprintOf } from '#protocol';
import { texts } from '../../texts/index.ts';
import { Fingerprint } from '../fingerprint.tsx';
import type { ResetTarget } from './form.ts';
import type { JudgedPlan } from './start.ts';

const words = texts.reset.dialog;
/** More names than this nobody reads, and the page would be slow with them. */
const NAMES_SHOWN_MAX = 100;

interface Props {
  readonly targets: readonly ResetTarget[];
  readonly judged: JudgedPlan | null;
}

/** Which instances get the new password. */
export function Affected({ targets, judged }: Props) {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return <Single target={only} judged={judged} />;
  const shown = targets.slice(0, NAMES_SHOWN_MAX);
  return (
    <SpaceBetween size="xxs">
      <ExpandableSection headerText={words.affected(targets.length)}>
        {shown.map(({ id, name }, at) => (
          <span key={id}>
            {at > 0 && ', '}
            <bdi>{name}</bdi>
          </span>
        ))}
        {targets.length > shown.length && ` ${words.more(targets.length - shown.length)}`}
      </ExpandableSection>
      <Box>{words.same(targets.length)}</Box>
    </SpaceBetween>
  );
}

function Single({ target, judged }: { readonly target: ResetTarget; readonly judged: JudgedPlan | null }) {
  const ready = judged?.verdict.ready.find(({ instanceId }) => instanceId === target.id);
  const isNew = judged?.verdict.newcomers.some(({ instanceId }) => instanceId === target.id) === true;
  // Beside a newcomer, what is to be remembered anew is one that was renamed.
  const isRenamed = !isNew && judged?.verdict.pins.some(({ instanceId }) => instanceId === target.id) === true;
  return (
    <div>
      <Box>
        <bdi>{target.name}</bdi> ({texts.reset.systems[target.os]})
      </Box>
      {ready !== undefined && (
        <Box variant="small">
          {words.identity} <Fingerprint text={fingerprintOf(ready.identity)} />,{' '}
          {isNew ? words.firstSeen : isRenamed ? words.rememberedOtherwise : words.remembered}
        </Box>
      )}
    </div>
  );
}
