import type { Instance, InstanceId } from '#protocol';

/** What a reset needs to know of an instance. */
export type Chosen = Pick<Instance, 'id' | 'name' | 'os'>;

/** What is chosen, whether or not it is on the page that one sees. */
export type Selection = ReadonlyMap<InstanceId, Chosen>;

export const NOTHING: Selection = new Map();

function chosen({ id, name, os }: Chosen): Chosen {
  return { id, name, os };
}

export function selectionOf(instances: readonly Chosen[]): Selection {
  return new Map(instances.map((instance) => [instance.id, chosen(instance)]));
}

/** The selection after `onPage` was chosen on a page of `page`: of what is on other pages nothing changes. */
export function choose(before: Selection, page: readonly Chosen[], onPage: readonly Chosen[]): Selection {
  const after = new Map(before);
  for (const { id } of page) after.delete(id);
  for (const instance of onPage) after.set(instance.id, chosen(instance));
  return after;
}

/** Whether to offer all that match: the page is chosen as a whole, and there is more than what is chosen. */
export function offersAll(selection: Selection, page: readonly Chosen[], total: number): boolean {
  return page.length > 0 && page.every(({ id }) => selection.has(id)) && total > selection.size;
}

/** Instances that are gone are no longer chosen. */
export function without(before: Selection, id: InstanceId): Selection {
  const after = new Map(before);
  after.delete(id);
  return after;
}
