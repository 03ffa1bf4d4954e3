import Box from '@cloudscape-design/components/box';
import './fingerprint.css';

/** To be compared with another one, character by character: all of it is seen, however narrow the window. */
export function Fingerprint({ text }: { readonly text: string }) {
  return (
    <span className="fingerprint">
      <Box variant="code">{text}</Box>
    </span>
  );
}
