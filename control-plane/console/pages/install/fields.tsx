import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tiles from '@cloudscape-design/components/tiles';
import { JOIN_TOKEN_USES_MAX, OperatingSystem } from '#protocol';
import { LifeField } from '../../parts/life-field.tsx';
import { texts } from '../../texts/index.ts';
import { JOIN_LIVES } from '../../parts/lives.ts';
import { ProjectInput } from '../../parts/project-input.tsx';
import { PLATFORMS, type InstallForm, type InstallProblem } from './form.ts';
import { ReleaseKey } from './release-key.tsx';
import { versionsFor, type Catalogue, type VersionOption } from './releases.ts';

const words = texts.install;
type Good = Extract<Catalogue, { is: 'good' }>;

interface Properties {
  readonly form: InstallForm;
  readonly problems: readonly InstallProblem[];
  readonly catalogue: Good;
  readonly isBusy: boolean;
  readonly wasMade: boolean;
  readonly onChange: (part: Partial<InstallForm>) => void;
  readonly onSubmit: () => void;
}

/** What is to be installed, where, and by whom. */
export function Fields({ form, problems, catalogue, isBusy, wasMade, onChange, onSubmit }: Properties) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <Container header={<Header variant="h2">{words.what}</Header>}>
        <SpaceBetween size="l">
          <FormField label={words.os} stretch>
            <Tiles
              value={form.os}
              columns={2}
              items={OperatingSystem.options.map((value) => ({
                value,
                label: words.systems[value],
                description: words.systemsHow[value],
              }))}
              onChange={({ detail }) => onChange({ os: OperatingSystem.parse(detail.value) })}
            />
          </FormField>
          {form.os === 'windows' ? (
            <Alert type="info" header={words.windows.title}>
              {words.windows.how}
            </Alert>
          ) : (
            <SpaceBetween size="l">
              <ColumnLayout columns={2}>
                <ReleaseFields {...{ form, problems, catalogue, onChange }} />
                <TargetFields {...{ form, problems, onChange }} />
                <TokenFields {...{ form, problems, onChange }} />
              </ColumnLayout>
              <More {...{ form, problems, onChange }} />
              <ReleaseKey releaseKey={catalogue.key} />
              <Button variant={wasMade ? 'normal' : 'primary'} formAction="submit" loading={isBusy}>
                {wasMade ? words.again : words.submit}
              </Button>
            </SpaceBetween>
          )}
        </SpaceBetween>
      </Container>
    </form>
  );
}

type Part = Pick<Properties, 'form' | 'problems' | 'onChange'>;

function ReleaseFields({ form, problems, catalogue, onChange }: Part & { readonly catalogue: Good }) {
  const versions = versionsFor(catalogue.releases, form.platform);
  const chosen = versions.find(({ version, mark }) =>
    form.version === null ? mark === 'recommended' : version === form.version,
  );
  const optionOf = ({ version, mark }: VersionOption) => {
    if (mark === null) return { value: version, label: version };
    return { value: version, label: mark === 'recommended' ? words.recommended(version) : words.unfinished(version) };
  };
  return (
    <SpaceBetween size="m">
      <FormField label={words.platform}>
        <Select
          selectedOption={{ value: form.platform, label: words.platforms[form.platform] }}
          options={PLATFORMS.map((value) => ({ value, label: words.platforms[value] }))}
          onChange={({ detail }) => {
            const platform = PLATFORMS.find((one) => one === detail.selectedOption.value) ?? form.platform;
            onChange({ platform, version: null });
          }}
        />
      </FormField>
      <FormField label={words.version} errorText={errorOf('version', problems)}>
        <Select
          selectedOption={chosen === undefined ? null : optionOf(chosen)}
          options={versions.map(optionOf)}
          empty={words.noVersion}
          placeholder={words.noVersion}
          onChange={({ detail }) => onChange({ version: detail.selectedOption.value ?? null })}
        />
      </FormField>
    </SpaceBetween>
  );
}

function TargetFields({ form, problems, onChange }: Part) {
  return (
    <SpaceBetween size="m">
      <FormField label={words.project} description={words.projectHow} errorText={errorOf('project', problems)}>
        <ProjectInput value={form.project} onChange={(project) => onChange({ project })} />
      </FormField>
      <FormField label={words.name} description={words.nameHow} errorText={errorOf('name', problems)}>
        <Input
          value={form.name}
          autoComplete={false}
          spellcheck={false}
          onChange={({ detail }) => onChange({ name: detail.value })}
        />
      </FormField>
    </SpaceBetween>
  );
}

function TokenFields({ form, problems, onChange }: Part) {
  return (
    <SpaceBetween size="m">
      <LifeField label={words.life} life={form.life} lives={JOIN_LIVES} onChange={(life) => onChange({ life })} />
      <FormField
        label={words.uses}
        description={words.usesHow(JOIN_TOKEN_USES_MAX)}
        errorText={errorOf('uses', problems)}
      >
        <Input value={form.uses} inputMode="numeric" onChange={({ detail }) => onChange({ uses: detail.value })} />
      </FormField>
    </SpaceBetween>
  );
}

function More({ form, problems, onChange }: Part) {
  return (
    <ExpandableSection headerText={words.more} defaultExpanded={problems.includes('url') || form.reEnrol}>
      <SpaceBetween size="m">
        <FormField label={words.url} description={words.urlHow} errorText={errorOf('url', problems)}>
          <Input
            value={form.url}
            type="url"
            spellcheck={false}
            onChange={({ detail }) => onChange({ url: detail.value })}
          />
        </FormField>
        <Checkbox
          checked={form.service}
          description={words.serviceHow}
          onChange={({ detail }) => onChange({ service: detail.checked })}
        >
          {words.service}
        </Checkbox>
        <Checkbox
          checked={form.reEnrol}
          disabled={form.name.trim() === ''}
          description={words.reEnrolHow}
          onChange={({ detail }) => onChange({ reEnrol: detail.checked })}
        >
          {words.reEnrol}
        </Checkbox>
      </SpaceBetween>
    </ExpandableSection>
  );
}

function errorOf(problem: InstallProblem, problems: readonly InstallProblem[]): string | null {
  return problems.includes(problem) ? words.problems[problem] : null;
}
