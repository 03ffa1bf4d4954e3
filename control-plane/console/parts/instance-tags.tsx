import type { Tags } from '#protocol';
import { texts } from '../texts/index.ts';

const SHOWN_MAX = 2;
/** A value may have 200 characters; the whole of it is on the page of the instance, and in the title. */
const TAG_CHARS_MAX = 32;

function short(text: string): string {
  const characters = [...text];
  return characters.length <= TAG_CHARS_MAX ? text : `${characters.slice(0, TAG_CHARS_MAX - 1).join('')}…`;
}

/** The first tags of an instance, in little room. */
export function InstanceTags({ tags }: { readonly tags: Tags }) {
  const all = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  if (all.length === 0) return <>{texts.instances.none}</>;
  const hidden = all.length - SHOWN_MAX;
  return (
    <span title={all.join('\n')}>
      {all.slice(0, SHOWN_MAX).map((tag, at) => (
        <span key={tag}>
          {at > 0 && ', '}
          <bdi>{short(tag)}</bdi>
        </span>
      ))}
      {hidden > 0 && ` ${texts.instances.moreTags(hidden)}`}
    </span>
  );
}
