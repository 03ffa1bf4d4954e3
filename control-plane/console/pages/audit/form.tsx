import Autosuggest from '@cloudscape-design/components/autosuggest';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Grid from '@cloudscape-design/components/grid';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import { AUDIT_ACTIONS } from '#protocol';
import { useState, type SyntheticEvent } from 'react';
import { texts } from '../../texts/index.ts';
import { SPAN_NAMES, type AuditFilter } from './filter.ts';

const words = texts.audit.filter;
const ALL = 'all';
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

interface Properties {
  readonly filter: AuditFilter;
  readonly onApply: (filter: AuditFilter) => void;
}

/** What records to show. What is typed counts once it is sent, so that no half word is asked for. */
export function FilterForm({ filter, onApply }: Properties) {
  const [typed, setTyped] = useState(filter);
  const change = (part: Partial<AuditFilter>): void => setTyped((before) => ({ ...before, ...part }));
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const { action, resource, actor, since } = typed;
    onApply({ action: action.trim(), resource: resource.trim(), actor: actor.trim(), since });
  };
  const colspan = { default: 12, s: 6, l: 3 };
  return (
    <form onSubmit={submit} role="search">
      <Grid
        gridDefinition={[
          { colspan },
          { colspan },
          { colspan },
          { colspan: { default: 8, s: 4, l: 2 } },
          { colspan: { default: 4, s: 2, l: 1 } },
        ]}
      >
        <FormField label={words.action} description={words.actionHow} stretch>
          <Autosuggest
            value={typed.action}
            onChange={({ detail }) => change({ action: detail.value })}
            options={AUDIT_ACTIONS.map((value) => ({ value }))}
            enteredTextLabel={(text) => text}
          />
        </FormField>
        <FormField label={words.resource} description={words.resourceHow} stretch>
          <Input
            value={typed.resource}
            spellcheck={false}
            onChange={({ detail }) => change({ resource: detail.value })}
          />
        </FormField>
        <FormField label={words.actor} description={words.actorHow} stretch>
          <Input value={typed.actor} spellcheck={false} onChange={({ detail }) => change({ actor: detail.value })} />
        </FormField>
        <FormField label={words.since} description={words.sinceHow} stretch>
          <Since since={typed.since} onChange={(since) => change({ since })} />
        </FormField>
        <Box padding={{ top: 'xxxl' }}>
          <Button formAction="submit">{words.apply}</Button>
        </Box>
      </Grid>
    </form>
  );
}

function Since(props: {
  readonly since: AuditFilter['since'];
  readonly onChange: (since: AuditFilter['since']) => void;
}) {
  const { since, onChange } = props;
  const { spans } = texts.audit;
  const options = [
    { value: ALL, label: spans.all },
    ...SPAN_NAMES.map((value) => ({ value, label: spans[value] })),
    // A moment that came with the URL.
    ...(typeof since === 'number' ? [{ value: String(since), label: MOMENT.format(since) }] : []),
  ];
  const value = since === null ? ALL : String(since);
  return (
    <Select
      options={options}
      selectedOption={options.find((option) => option.value === value) ?? null}
      onChange={({ detail }) => {
        const chosen = detail.selectedOption.value;
        onChange(SPAN_NAMES.find((name) => name === chosen) ?? (chosen === ALL ? null : since));
      }}
    />
  );
}
