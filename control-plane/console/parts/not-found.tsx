import Box from '@cloudscape-design/components/box';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { Link } from 'wouter';
import { texts } from '../texts/index.ts';

export function NotFound() {
  return (
    <ContentLayout header={<Header variant="h1">{texts.notFound.title}</Header>}>
      <Box>
        <Link href="/">{texts.notFound.back}</Link>
      </Box>
    </ContentLayout>
  );
}
