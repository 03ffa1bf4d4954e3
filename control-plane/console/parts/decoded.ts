/** A part of a URL as text; as it stands where it is no encoding of any: somebody may have written it by hand. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
