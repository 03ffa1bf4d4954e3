import type { Method, Route } from './route.ts';

/** Which methods a path takes: for telling a wrong method from a wrong path. */
export interface RouteTable {
  /** Empty when no route has this path. */
  methodsOf(path: string): readonly Method[];
}

export function createRouteTable(routes: readonly Route[]): RouteTable {
  const patterns = routes.map(({ method, path }) => {
    const source = path
      .replaceAll('.', String.raw`\.`)
      .replaceAll('*', '.+')
      .replaceAll(/:[A-Za-z]+/g, '[^/]+');
    return { method, pattern: new RegExp(`^${source}$`) };
  });
  return {
    methodsOf: (path) => {
      const matching = patterns.filter(({ pattern }) => pattern.test(path));
      return [...new Set(matching.map(({ method }) => method))].toSorted();
    },
  };
}
