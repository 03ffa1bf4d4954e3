import Autosuggest from '@cloudscape-design/components/autosuggest';
import { API_PREFIX, ProjectList } from '#protocol';
import { useQuery } from '@tanstack/react-query';
import { useClient } from '../api/context.ts';
import { texts } from '../texts/index.ts';
import { asked } from '../api/ask.ts';

interface Properties {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** One of the projects that there are. It can be typed where the list does not come. */
export function ProjectInput({ value, onChange }: Properties) {
  const client = useClient();
  const projects = useQuery({
    queryKey: ['instances', 'projects'],
    queryFn: (context) => client.get(`${API_PREFIX}/projects`, ProjectList, asked(context)),
  });
  return (
    <Autosuggest
      ariaLabel={texts.instances.form.project}
      value={value}
      onChange={({ detail }) => onChange(detail.value)}
      options={(projects.data?.items ?? []).map(({ name }) => ({ value: name }))}
      statusType={projects.isPending ? 'loading' : 'finished'}
      enteredTextLabel={(text) => text}
    />
  );
}
