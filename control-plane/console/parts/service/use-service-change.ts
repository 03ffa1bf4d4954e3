import { API_PREFIX, Project, type ChangeService, type ProjectName } from '#protocol';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useClient } from '../../api/context.ts';
import { detach } from '../detach.ts';

interface Change {
  readonly project: ProjectName;
  readonly change: ChangeService;
}

/** Enables or disables online reset for a project. */
export function useServiceChange(onDone: () => void) {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ project, change }: Change) =>
      client.send('PUT', `${API_PREFIX}/projects/${encodeURIComponent(project)}/service`, Project, { body: change }),
    onSuccess: () => {
      onDone();
      detach(queries.invalidateQueries({ queryKey: ['instances', 'projects'] }));
    },
  });
}
