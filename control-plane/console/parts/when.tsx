import { memo } from 'react';
import { texts } from '../texts/index.ts';
import './when.css';

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
/** Of this year, which nobody needs to be told. */
const SHORTER = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});

/** A moment in the viewer's zone, short; exact on hover and for who listens. Milliseconds since the epoch. */
export const When = memo(function When({ at }: { readonly at: number | null }) {
  if (at === null) return <>{texts.nothing}</>;
  const date = new Date(at);
  const short = date.getFullYear() === new Date().getFullYear() ? SHORTER : SHORT;
  return (
    <time className="when" dateTime={date.toISOString()} title={EXACT.format(date)}>
      {short.format(date)}
    </time>
  );
});
