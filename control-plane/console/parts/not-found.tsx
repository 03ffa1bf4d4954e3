import Box from '@cloudscape-design/components/box';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { texts } from '../texts/index.ts';
import { PageLink } from './page-link.tsx';

export function NotFound() {
  return (
    <ContentLayout header={<Header variant="h1">{texts.notFound.title}</Header>}>
      <Box>
        <PageLink to="/">{texts.notFound.back}</PageLink>
      </Box>
    </ContentLayout>
  );
}
