/** Who, without the id that the audit names besides: `token:<id> <name>`. */
export function nameOfActor(actor: string): string {
  const name = /^token:[0-9a-f-]{36} (?<name>.+)$/.exec(actor)?.groups?.['name'];
  return name ?? actor;
}
