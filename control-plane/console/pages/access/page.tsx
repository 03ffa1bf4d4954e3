import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useSession } from '../../api/session.ts';
import { rightsOf } from '../../parts/rights.ts';
import { texts } from '../../texts/index.ts';
import { Sessions } from './sessions.tsx';
import { Tokens } from './tokens.tsx';

/** Who gets in: tokens for programs, people and hosts, and the browsers that are signed in. */
export default function AccessPage() {
  const { holder } = useSession().signIn;
  const rights = rightsOf(holder);
  return (
    <ContentLayout header={<Header variant="h1">{texts.access.title}</Header>}>
      <SpaceBetween size="l">
        <Tokens rights={rights} ownTokenId={holder.tokenId} />
        <Sessions ofAll={rights.readTokens} />
      </SpaceBetween>
    </ContentLayout>
  );
}
