import { TaskState } from '#protocol';

/** What of the tasks one sees; stands in the URL. */
export interface TaskView {
  /** Null: all. */
  readonly state: TaskState | null;
  /** The page, as the control plane named it; null: the first. */
  readonly cursor: string | null;
}

/** What somebody typed into the URL that means nothing means the default. */
export function viewOf(query: URLSearchParams): TaskView {
  const cursor = query.get('cursor');
  return {
    state: TaskState.safeParse(query.get('state')).data ?? null,
    cursor: cursor === null || cursor === '' || cursor.length > 500 ? null : cursor,
  };
}

export function queryOf({ state, cursor }: TaskView): URLSearchParams {
  return new URLSearchParams({ ...(state === null ? {} : { state }), ...(cursor === null ? {} : { cursor }) });
}
