import { useEffect, useRef, type ReactNode } from 'react';
import './page-focus.css';

interface Properties {
  /** Another one is another page. */
  readonly page: string;
  readonly title: string;
  readonly children: ReactNode;
}

/**
 * What of the window changes with the page. Its title follows, and the focus goes to its beginning: what was pressed to
 * get there may be gone, and whoever hears the page would hear nothing of the new one. It is given to the place and not
 * to a heading, since headings come with what is loaded.
 */
export function PageFocus({ page, title, children }: Properties) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => place.current?.focus({ preventScroll: true }), [page]);
  return (
    <div ref={place} tabIndex={-1} className="page-focus">
      {children}
    </div>
  );
}
