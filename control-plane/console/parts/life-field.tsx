import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import { texts } from '../texts/index.ts';
import type { Life } from './lives.ts';

const words = texts.access.create;

interface Props {
  readonly label: string;
  readonly life: Life;
  readonly lives: readonly Life[];
  readonly onChange: (life: Life) => void;
}

/** For how long a token is valid, to choose from. */
export function LifeField({ label, life, lives, onChange }: Props) {
  return (
    <FormField label={label} description={words.lifeHow}>
      <Select
        selectedOption={{ value: life, label: words.lives[life] }}
        options={lives.map((value) => ({ value, label: words.lives[value] }))}
        onChange={({ detail }) => onChange(lives.find((one) => one === detail.selectedOption.value) ?? life)}
      />
    </FormField>
  );
}
