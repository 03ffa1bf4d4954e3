import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { texts } from '../texts/index.ts';

interface Properties {
  /** Where the page that is shown begins; null for the first. */
  readonly after: string | null;
  /** Where the next one begins; null where there is none. */
  readonly next: string | null;
  /** What is listed, for who hears the page. */
  readonly label: string;
  readonly onGo: (after: string | null) => void;
}

/** Through a listing that only grows at its front: further back, or to the newest. The browser's own way back works, too. */
export function CursorPages({ after, next, label, onGo }: Properties) {
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button
        disabled={after === null}
        iconName="angle-left"
        ariaLabel={texts.paging.newestOf(label)}
        onClick={() => onGo(null)}
      >
        {texts.paging.newest}
      </Button>
      <Button
        disabled={next === null}
        iconName="angle-right"
        iconAlign="right"
        ariaLabel={texts.paging.olderOf(label)}
        onClick={() => onGo(next)}
      >
        {texts.paging.older}
      </Button>
    </SpaceBetween>
  );
}
