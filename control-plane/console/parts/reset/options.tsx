import Checkbox from '@cloudscape-design/components/checkbox';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { texts } from '../../texts/index.ts';
import type { ResetForm } from './form.ts';
import type { Missing } from './missing.ts';

const words = texts.reset.dialog;

interface Props {
  readonly form: ResetForm;
  readonly onChange: (form: ResetForm) => void;
  readonly isBatch: boolean;
  readonly missing: ReadonlySet<Missing>;
}

/** What most resets need nothing of. */
export function Options({ form, onChange, isBatch, missing }: Props) {
  const { options } = form;
  const change = (changed: Partial<ResetForm['options']>): void =>
    onChange({ ...form, options: { ...options, ...changed } });
  return (
    <SpaceBetween size="xs">
      <ExpandableSection
        headerText={words.options}
        defaultExpanded={options.unlock || options.unexpire || options.mustChange || form.supersede}
      >
        <SpaceBetween size="xs">
          <Checkbox
            checked={options.unlock}
            description={words.unlockHint}
            onChange={({ detail }) => change({ unlock: detail.checked })}
          >
            {words.unlock}
          </Checkbox>
          <Checkbox checked={options.unexpire} onChange={({ detail }) => change({ unexpire: detail.checked })}>
            {words.unexpire}
          </Checkbox>
          <Checkbox checked={options.mustChange} onChange={({ detail }) => change({ mustChange: detail.checked })}>
            {words.mustChange}
          </Checkbox>
          <Checkbox
            checked={form.supersede}
            onChange={({ detail }) => onChange({ ...form, supersede: detail.checked })}
          >
            {words.supersede}
          </Checkbox>
        </SpaceBetween>
      </ExpandableSection>
      {isBatch && <Pace {...{ form, onChange, missing }} />}
    </SpaceBetween>
  );
}

function Pace({ form, onChange, missing }: Omit<Props, 'isBatch'>) {
  const isWrong = missing.has('concurrency') || missing.has('stopAfter');
  return (
    <ExpandableSection headerText={words.batch} {...(isWrong ? { expanded: true } : {})}>
      <ColumnLayout columns={2}>
        <FormField
          label={words.concurrency}
          description={words.concurrencyHint}
          errorText={missing.has('concurrency') ? words.numberInvalid : null}
        >
          <Input
            inputMode="numeric"
            value={form.concurrency}
            onChange={({ detail }) => onChange({ ...form, concurrency: detail.value })}
          />
        </FormField>
        <FormField
          label={words.stopAfter}
          description={words.stopAfterHint}
          errorText={missing.has('stopAfter') ? words.numberInvalid : null}
        >
          <Input
            inputMode="numeric"
            value={form.stopAfter}
            onChange={({ detail }) => onChange({ ...form, stopAfter: detail.value })}
          />
        </FormField>
      </ColumnLayout>
    </ExpandableSection>
  );
}
