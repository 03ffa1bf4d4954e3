/** One route as the framework has it. */
export interface ListedRoute {
  readonly method: string;
  readonly path: string;
}

/** The routes in the framework's own drawing of its table, which holds what was registered in any way. */
export function routesIn(tree: string): ListedRoute[] {
  const parents: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const match = /^(?<indent>[│ ]*)[├└]── (?<part>\S+)(?: \((?<methods>[^)]+)\))?$/u.exec(line);
    if (match?.groups === undefined) return [];
    const { indent = '', part = '', methods } = match.groups;
    const depth = indent.length / 4;
    const parent = depth === 0 ? '' : (parents[depth - 1] ?? '');
    // The drawing leaves out the slash between a route and the wildcard below it.
    const path = part === '*' && !parent.endsWith('/') ? `${parent}/*` : parent + part;
    parents[depth] = path;
    return (methods?.split(', ') ?? []).map((method) => ({ method, path }));
  });
}
