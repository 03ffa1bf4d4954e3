import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { ChangeInstance, PowerState, type Instance } from '#protocol';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { FailureAlert } from '../../../parts/failure.tsx';
import { instancePath } from '../../../parts/paths.ts';
import { texts } from '../../../texts/index.ts';
import { fieldErrors, refusedFields } from '../forms/fields.ts';
import { ProjectInput } from '../../../parts/project-input.tsx';
import { readTags, tagsText } from '../forms/tags.ts';
import { useChange } from './use-instance.ts';

const words = texts.instances.danger;

type Typed = { readonly value: unknown } | { readonly wrong: string };

interface Properties {
  readonly instance: Instance;
  readonly field: 'name' | 'project' | 'tags' | 'power';
  readonly title: string;
  readonly how: string;
  readonly label: string;
  readonly submit: string;
  /** What was typed as the API takes it, or what is wrong with it. */
  readonly read: () => Typed;
  readonly children: ReactNode;
}

/** One thing that can be changed, with a button of its own: nothing here is changed by the way. */
function Change({ instance, field, title, how, label, submit, read, children }: Properties) {
  const [, navigate] = useLocation();
  const [wrong, setWrong] = useState<string | null>(null);
  const change = useChange(instance, ({ name }) => {
    if (name !== instance.name) navigate(`${instancePath(name)}?tab=danger`, { replace: true });
  });
  const refused = refusedFields(change.error, [field])[field] ?? null;
  const onSubmit = (): void => {
    const typed = read();
    if ('wrong' in typed) {
      setWrong(typed.wrong);
      return;
    }
    const parsed = ChangeInstance.safeParse({ [field]: typed.value });
    setWrong(parsed.success ? null : (fieldErrors(parsed.error)[field] ?? null));
    if (parsed.success) change.mutate(parsed.data);
  };
  return (
    <Container
      header={
        <Header variant="h2" description={how}>
          {title}
        </Header>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <SpaceBetween size="s">
          <FormField label={label} errorText={wrong ?? refused}>
            {children}
          </FormField>
          <Button formAction="submit" loading={change.isPending}>
            {submit}
          </Button>
          {change.error !== null && refused === null && <FailureAlert error={change.error} />}
          <div role="status">{change.isSuccess && <Alert type="success">{texts.instances.form.saved}</Alert>}</div>
        </SpaceBetween>
      </form>
    </Container>
  );
}

interface Part {
  readonly instance: Instance;
}

export function Rename({ instance }: Part) {
  const [value, setValue] = useState<string>(instance.name);
  const says = { title: words.rename, how: words.renameHow, label: words.renameTo, submit: words.renameIt };
  return (
    <Change instance={instance} field="name" {...says} read={() => ({ value: value.trim() })}>
      <Input value={value} onChange={({ detail }) => setValue(detail.value)} />
    </Change>
  );
}

export function Move({ instance }: Part) {
  const [value, setValue] = useState<string>(instance.project);
  const says = { title: words.move, how: words.moveHow, label: words.moveTo, submit: words.moveIt };
  return (
    <Change instance={instance} field="project" {...says} read={() => ({ value: value.trim() })}>
      <ProjectInput value={value} onChange={setValue} />
    </Change>
  );
}

export function TagsForm({ instance }: Part) {
  const [value, setValue] = useState(() => tagsText(instance.tags));
  const { form } = texts.instances;
  const read = (): Typed => {
    const result = readTags(value);
    return 'wrong' in result ? { wrong: form.tagWrong(result.wrong) } : { value: result.tags };
  };
  const says = { title: words.tags, how: words.tagsHow, label: form.tagsHow, submit: form.save };
  return (
    <Change instance={instance} field="tags" {...says} read={read}>
      <Textarea rows={4} spellcheck={false} value={value} onChange={({ detail }) => setValue(detail.value)} />
    </Change>
  );
}

export function Power({ instance }: Part) {
  const [value, setValue] = useState<PowerState>(instance.power);
  const options = PowerState.options.map((state) => ({ value: state, label: texts.instances.power[state] }));
  const says = {
    title: words.power,
    how: words.powerHow,
    label: words.powerNow,
    submit: texts.instances.form.save,
  };
  return (
    <Change instance={instance} field="power" {...says} read={() => ({ value })}>
      <Select
        selectedOption={options.find((option) => option.value === value) ?? null}
        options={options}
        onChange={({ detail }) => setValue(PowerState.parse(detail.selectedOption.value))}
      />
    </Change>
  );
}
