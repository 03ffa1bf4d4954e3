import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { texts } from '../texts/index.ts';
import './to-copy.css';

interface Properties {
  readonly text: string;
  /** What the button says. */
  readonly copy: string;
  /** What it is, for who hears the page. */
  readonly label: string;
}

/** Text that is meant for a shell or a file, as it is, with a button that copies all of it. */
export function ToCopy({ text, copy, label }: Properties) {
  return (
    <SpaceBetween size="xs">
      <CopyToClipboard
        copyButtonText={copy}
        textToCopy={text}
        copySuccessText={texts.install.line.copied}
        copyErrorText={texts.install.line.copyFailed}
      />
      {/* It scrolls, and who has no mouse scrolls by keys once it has the focus. */}
      <pre className="to-copy" role="region" tabIndex={0} aria-label={label}>
        <Box variant="code">{text}</Box>
      </pre>
    </SpaceBetween>
  );
}
