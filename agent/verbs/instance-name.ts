import { InstanceName } from '#protocol';
import { usageError } from './failure.ts';

const NAME_CHARS_MAX = 63;
/** Before a host name that has the form of an id: requests name instances by either, so a name may never look like one. */
const PREFIX = 'host-';

/** What the instance would like to be called: as asked, or its host name made to fit. The control plane may know better. */
export function instanceNameFor(wish: string | null, hostname: string): InstanceName {
  if (wish === null) return fit(hostname);
  const parsed = InstanceName.safeParse(wish);
  if (parsed.success) return parsed.data;
  throw usageError(
    '--name takes 1 to 63 of lower-case letters, digits, dot, hyphen and underscore, from letter or digit to letter or digit, and not the form of a UUID.',
  );
}

function fit(hostname: string): InstanceName {
  const fitted = hostname
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, NAME_CHARS_MAX)
    .replace(/[._-]+$/, '');
  const name = InstanceName.safeParse(fitted === '' ? 'instance' : fitted);
  return name.success ? name.data : InstanceName.parse(`${PREFIX}${fitted}`);
}
