import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useMemo } from 'react';
import { texts } from '../../texts/index.ts';
import { FailureAlert } from '../failure.tsx';
import { PageLink } from '../page-link.tsx';
import { installPath, instancePath } from '../paths.ts';
import { blockedGroups, type BlockedGroup } from './blocked.ts';
import { ServiceRemedy } from './service-remedy.tsx';
import type { DryRun } from './use-dry-run.ts';

const words = texts.reset.dialog;

interface Props {
  readonly dryRun: DryRun;
  readonly skipBlocked: boolean;
  readonly onSkipBlocked: (skip: boolean) => void;
  readonly onSupersede: () => void;
  /** Somebody follows a link away from here. */
  readonly onLeave: () => void;
}

/** Who can be reset now, who not, why, and what starts the remedy. */
export function Readiness({ dryRun, skipBlocked, onSkipBlocked, onSupersede, onLeave }: Props) {
  const { judged, error, isAsking, again } = dryRun;
  const groups = useMemo(() => blockedGroups(judged?.plan.targets ?? []), [judged]);
  if (error !== null && !isAsking) return <FailureAlert error={error} onRetry={again} />;
  if (judged === null || isAsking) {
    return <StatusIndicator type={isAsking ? 'loading' : 'pending'}>{words.checking}</StatusIndicator>;
  }
  const { targets } = judged.plan;
  const blocked = judged.verdict.blocked.length;
  if (blocked === 0) {
    return <StatusIndicator type="success">{words.ready(targets.length, targets.length)}</StatusIndicator>;
  }
  return (
    <Alert
      type="warning"
      header={words.blocked(blocked, targets.length)}
      action={
        <Button formAction="none" iconName="refresh" onClick={again}>
          {words.checkAgain}
        </Button>
      }
    >
      <SpaceBetween size="s">
        {groups.map((group) => (
          <Group key={`${group.code} ${group.message}`} {...{ group, onSupersede, onLeave }} onMended={again} />
        ))}
        {blocked < targets.length && (
          <Checkbox checked={skipBlocked} onChange={({ detail }) => onSkipBlocked(detail.checked)}>
            {words.skip(blocked)}
          </Checkbox>
        )}
      </SpaceBetween>
    </Alert>
  );
}

const NAMES_SHOWN_MAX = 5;

interface GroupProps extends Pick<Props, 'onSupersede' | 'onLeave'> {
  readonly group: BlockedGroup;
  readonly onMended: () => void;
}

function Group({ group, onSupersede, onLeave, onMended }: GroupProps) {
  const { code, message, remedy, names, projects } = group;
  const shown = names.slice(0, NAMES_SHOWN_MAX);
  return (
    <div>
      <Box>
        {message}{' '}
        <Box variant="small" display="inline">
          {code}
        </Box>
      </Box>
      {remedy === 'service' &&
        projects.map((project) => <ServiceRemedy key={project} project={project} onEnabled={onMended} />)}
      {remedy === 'supersede' && (
        <Button formAction="none" variant="inline-link" onClick={onSupersede}>
          {words.remedies.supersede}
        </Button>
      )}
      {remedy === 'ask' && <Box>{words.remedies.ask}</Box>}
      {(remedy === 'install' || remedy === 'instance') &&
        shown.map((name) => (
          <div key={name}>
            <PageLink to={(remedy === 'install' ? installPath : instancePath)(name)} onLeave={onLeave}>
              {words.remedies[remedy](name)}
            </PageLink>
          </div>
        ))}
      {(remedy === 'install' || remedy === 'instance') && names.length > shown.length && (
        <Box>{words.more(names.length - shown.length)}</Box>
      )}
    </div>
  );
}
