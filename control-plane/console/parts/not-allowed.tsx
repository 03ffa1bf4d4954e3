import Alert from '@cloudscape-design/components/alert';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { ApiFailure } from '../api/failure.ts';

/** Whether the token of the session may not see what was asked for. */
export function isNotAllowed(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 403;
}

/** In the place of a page that the session's token may not see. That is no error: it is said. */
export function NotAllowed(props: { readonly page: string; readonly title: string; readonly what: string }) {
  return (
    <ContentLayout header={<Header variant="h1">{props.page}</Header>}>
      <Alert type="info" header={props.title}>
        {props.what}
      </Alert>
    </ContentLayout>
  );
}
