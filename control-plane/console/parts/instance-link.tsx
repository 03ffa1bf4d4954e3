import Box from '@cloudscape-design/components/box';
import { isOfRemoved, type InstanceId } from '#protocol';
import { texts } from '../texts/index.ts';
import { PageLink } from './page-link.tsx';
import { instancePath } from './paths.ts';

/** The name of an instance, which leads to its page. */
export function InstanceLink({ name }: { readonly name: string }) {
  return (
    <PageLink to={instancePath(name)}>
      <bdi>{name}</bdi>
    </PageLink>
  );
}

/** The same for what is told of an instance that may have been removed since: then nothing is left to lead to. */
export function InstanceOrRemoved({ name, id }: { readonly name: string; readonly id: InstanceId }) {
  if (!isOfRemoved({ instance: name, instanceId: id })) return <InstanceLink name={name} />;
  return (
    <>
      <bdi>{id}</bdi>
      <Box variant="small" display="block">
        {texts.removedInstance}
      </Box>
    </>
  );
}
