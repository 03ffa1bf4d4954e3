const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** A moment in the viewer's zone, short; exact on hover and for who listens. Milliseconds since the epoch. */
export function When({ at }: { readonly at: number | null }) {
  if (at === null) return <>–</>;
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={EXACT.format(date)}>
      {SHORT.format(date)}
    </time>
  );
}
