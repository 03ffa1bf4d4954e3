import Checkbox from '@cloudscape-design/components/checkbox';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ActorRole, JOIN_TOKEN_USES_MAX } from '#protocol';
import { LifeField } from '../../parts/life-field.tsx';
import { texts } from '../../texts/index.ts';
import { useFirstField } from '../../parts/first-field.ts';
import { ProjectInput } from '../../parts/project-input.tsx';
import { API_LIVES, JOIN_LIVES } from '../../parts/lives.ts';
import type { ApiForm, JoinForm, TokenProblem } from './form.ts';

const words = texts.access.create;

interface Properties<F> {
  readonly form: F;
  readonly problems: readonly TokenProblem[];
  readonly onChange: (part: Partial<F>) => void;
}

export function ApiFields({ form, problems, onChange }: Properties<ApiForm>) {
  const first = useFirstField();
  return (
    <SpaceBetween size="m">
      <FormField label={words.name} description={words.nameHow} errorText={errorOf('name', problems)}>
        <Input
          value={form.name}
          ref={first}
          autoComplete={false}
          onChange={({ detail }) => onChange({ name: detail.value })}
        />
      </FormField>
      <FormField label={words.role}>
        <RadioGroup
          value={form.role}
          items={ActorRole.options.map((value) => ({
            value,
            label: words.roles[value],
            description: words.rolesHow[value],
          }))}
          onChange={({ detail }) => onChange({ role: ActorRole.parse(detail.value) })}
        />
      </FormField>
      <FormField label={words.projects} description={words.projectsHow} errorText={errorOf('projects', problems)}>
        <Input
          value={form.projects}
          spellcheck={false}
          onChange={({ detail }) => onChange({ projects: detail.value })}
        />
      </FormField>
      <FormField label={words.accounts} description={words.accountsHow} errorText={errorOf('accounts', problems)}>
        <Input
          value={form.accounts}
          spellcheck={false}
          onChange={({ detail }) => onChange({ accounts: detail.value })}
        />
      </FormField>
      <Checkbox checked={form.privileged} onChange={({ detail }) => onChange({ privileged: detail.checked })}>
        {words.privileged}
      </Checkbox>
      <LifeField label={words.life} life={form.life} lives={API_LIVES} onChange={(life) => onChange({ life })} />
    </SpaceBetween>
  );
}

export function JoinFields({ form, problems, onChange }: Properties<JoinForm>) {
  return (
    <SpaceBetween size="m">
      <FormField label={words.project} description={words.projectHow} errorText={errorOf('project', problems)}>
        <ProjectInput value={form.project} onChange={(project) => onChange({ project })} />
      </FormField>
      <FormField label={words.instance} description={words.instanceHow} errorText={errorOf('instance', problems)}>
        <Input
          value={form.instance}
          spellcheck={false}
          onChange={({ detail }) => onChange({ instance: detail.value })}
        />
      </FormField>
      <FormField errorText={errorOf('reEnrol', problems)}>
        <Checkbox checked={form.reEnrol} onChange={({ detail }) => onChange({ reEnrol: detail.checked })}>
          {words.reEnrol}
        </Checkbox>
      </FormField>
      <FormField
        label={words.uses}
        description={words.usesHow(JOIN_TOKEN_USES_MAX)}
        errorText={errorOf('uses', problems)}
      >
        <Input value={form.uses} inputMode="numeric" onChange={({ detail }) => onChange({ uses: detail.value })} />
      </FormField>
      <LifeField label={words.life} life={form.life} lives={JOIN_LIVES} onChange={(life) => onChange({ life })} />
    </SpaceBetween>
  );
}

function errorOf(problem: TokenProblem, problems: readonly TokenProblem[]): string | null {
  return problems.includes(problem) ? words.problems[problem] : null;
}
