import { parseTag, type Tags } from '#protocol';

/** Tags as lines of `KEY=VALUE`, as people edit them. */
export function tagsText(tags: Tags): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');
}

/** The tags of such lines, or the first line that is none or names a key again. */
export function readTags(text: string): { readonly tags: Tags } | { readonly wrong: string } {
  const tags: Tags = {};
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line === '') continue;
    const tag = parseTag(line);
    if (tag === null || Object.hasOwn(tags, tag.key)) return { wrong: line };
    tags[tag.key] = tag.value;
  }
  return { tags };
}
