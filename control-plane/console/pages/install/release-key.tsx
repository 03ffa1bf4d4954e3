import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import { fingerprintOf, type Thumbprint } from '#protocol';
import { texts } from '../../texts/index.ts';

const words = texts.install;

/** By whom the releases are signed: to be compared by whoever knows what the maker has published. */
export function ReleaseKey({ releaseKey }: { readonly releaseKey: Thumbprint }) {
  const fingerprint = fingerprintOf(releaseKey);
  return (
    <div>
      <Box variant="awsui-key-label">{words.releases.key}</Box>
      <CopyToClipboard
        variant="inline"
        wrapText
        textToCopy={fingerprint}
        copyButtonAriaLabel={words.releases.copyKey}
        copySuccessText={words.line.copied}
        copyErrorText={words.line.copyFailed}
      />
      <Box variant="small">{words.releases.signedHow}</Box>
    </div>
  );
}
