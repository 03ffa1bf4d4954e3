const SEGMENT = /^[A-Za-z0-9._~-]+$/;

/**
 * Whether a request's path is written the one way that this API writes it: no escapes, no empty segment, no `.` and
 * `..`, no trailing slash. Anything else could be read differently by a proxy in front than by the router here, so that
 * one would decide about another route than the other serves.
 */
export function isCanonicalPath(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  if (path === '/') return true;
  const [root, ...segments] = path.split('/');
  return root === '' && segments.every((segment) => SEGMENT.test(segment) && segment !== '.' && segment !== '..');
}
