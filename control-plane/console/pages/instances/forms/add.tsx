import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import Tiles from '@cloudscape-design/components/tiles';
import { AddInstance, API_PREFIX, Instance, OperatingSystem } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../../api/context.ts';
import { useFirstField } from '../../../parts/first-field.ts';
import { detach } from '../../../parts/detach.ts';
import { Dialog } from '../../../parts/dialog.tsx';
import { FailureAlert } from '../../../parts/failure.tsx';
import { texts } from '../../../texts/index.ts';
import { fieldErrors, refusedFields, type FieldErrors } from './fields.ts';
import { ProjectInput } from '../../../parts/project-input.tsx';
import { readTags } from './tags.ts';

const words = texts.instances.form;

interface Typed {
  readonly name: string;
  readonly os: OperatingSystem;
  readonly project: string;
  readonly tags: string;
}
const FIELDS = ['name', 'os', 'project', 'tags'] as const;
const NOTHING: Typed = { name: '', os: 'linux', project: 'default', tags: '' };

/** What was typed as the control plane takes it, or what is wrong with it. */
function read(typed: Typed): { instance: AddInstance } | { errors: FieldErrors } {
  const tags = readTags(typed.tags);
  if ('wrong' in tags) return { errors: { tags: words.tagWrong(tags.wrong) } };
  const parsed = AddInstance.safeParse({ ...typed, name: typed.name.trim(), ...tags });
  return parsed.success ? { instance: parsed.data } : { errors: fieldErrors(parsed.error) };
}

/** Adds one instance by hand; stays open for the next. */
export function AddDialog({ onDismiss }: { readonly onDismiss: () => void }) {
  const client = useClient();
  const queries = useQueryClient();
  const [typed, setTyped] = useState(NOTHING);
  const [wrong, setWrong] = useState<FieldErrors>({});
  const add = useMutation({
    mutationFn: (body: AddInstance) => client.send('POST', `${API_PREFIX}/instances`, Instance, { body }),
    onSuccess: () => {
      setTyped({ ...typed, name: '' });
      detach(queries.invalidateQueries({ queryKey: ['instances'] }));
    },
    onError: (error) => setWrong(refusedFields(error, FIELDS)),
  });
  const submit = () => {
    const result = read(typed);
    setWrong('errors' in result ? result.errors : {});
    if ('instance' in result) add.mutate(result.instance);
  };
  const isOfField = Object.keys(refusedFields(add.error, FIELDS)).length > 0;
  return (
    <Dialog
      title={texts.instances.actions.add}
      onClose={onDismiss}
      buttons={<Buttons isBusy={add.isPending} isDone={add.isSuccess} onDismiss={onDismiss} />}
    >
      <form
        id="add-instance"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Form errorText={add.error === null || isOfField ? null : <FailureAlert error={add.error} />}>
          <SpaceBetween size="m">
            {add.isSuccess && (
              <div role="status">
                <Alert type="success">{words.added(add.data.name)}</Alert>
              </div>
            )}
            <Fields typed={typed} wrong={wrong} onType={(change) => setTyped({ ...typed, ...change })} />
          </SpaceBetween>
        </Form>
      </form>
    </Dialog>
  );
}

function Buttons(props: { readonly isBusy: boolean; readonly isDone: boolean; readonly onDismiss: () => void }) {
  const { actions } = texts.instances;
  return (
    <>
      <Button variant="link" onClick={props.onDismiss}>
        {props.isDone ? actions.close : actions.cancel}
      </Button>
      <Button variant="primary" loading={props.isBusy} form="add-instance" formAction="submit">
        {words.add}
      </Button>
    </>
  );
}

interface FieldProperties {
  readonly typed: Typed;
  readonly wrong: FieldErrors;
  readonly onType: (change: Partial<Typed>) => void;
}

function Fields({ typed, wrong, onType }: FieldProperties) {
  const first = useFirstField();
  return (
    <SpaceBetween size="m">
      <FormField label={words.name} constraintText={words.nameHow} errorText={wrong['name']}>
        <Input value={typed.name} ref={first} onChange={({ detail }) => onType({ name: detail.value })} />
      </FormField>
      <FormField label={words.os} constraintText={words.osHow} errorText={wrong['os']}>
        <Tiles
          columns={2}
          value={typed.os}
          items={OperatingSystem.options.map((value) => ({ value, label: texts.instances.os[value] }))}
          onChange={({ detail }) => onType({ os: OperatingSystem.parse(detail.value) })}
        />
      </FormField>
      <FormField label={words.project} constraintText={words.projectHow} errorText={wrong['project']}>
        <ProjectInput value={typed.project} onChange={(project) => onType({ project })} />
      </FormField>
      <FormField label={words.tags} constraintText={words.tagsHow} errorText={wrong['tags']}>
        <Textarea rows={3} value={typed.tags} onChange={({ detail }) => onType({ tags: detail.value })} />
      </FormField>
    </SpaceBetween>
  );
}
