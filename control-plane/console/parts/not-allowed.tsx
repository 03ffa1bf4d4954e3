import Alert from '@cloudscape-design/components/alert';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';

interface Props {
  readonly title: string;
  /** Who may, or what can be done instead. */
  readonly how: string;
}

/** In the place of what the session's token may not see. That is no error, and nothing was asked for. */
export function NotAllowed({ title, how }: Props) {
  return (
    <Alert type="info" header={title}>
      {how}
    </Alert>
  );
}

/** The same in the place of a whole page. */
export function PageNotAllowed({ page, title, how }: Props & { readonly page: string }) {
  return (
    <ContentLayout header={<Header variant="h1">{page}</Header>}>
      <NotAllowed title={title} how={how} />
    </ContentLayout>
  );
}
