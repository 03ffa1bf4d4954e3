import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { ApiFailure } from '../api/failure.ts';
import { remedyOf } from './remedy.ts';
import { texts } from '../texts/index.ts';

/** What went wrong, why, and what to do; with a way to try again where that may help. */
export function FailureAlert({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  // What is not the API's is a defect of the page: it is for the boundary around it.
  if (!(error instanceof ApiFailure)) throw error;
  return (
    <Alert
      type="error"
      header={error.message}
      action={onRetry === undefined ? null : <Button onClick={() => onRetry()}>{texts.retry}</Button>}
    >
      {remedyOf(error)}
      {error.details.map(({ subject, code, message }) => (
        <Box key={`${subject} ${code}`} variant="p">
          {subject}: {message}
        </Box>
      ))}
      <Box variant="small">
        {error.code}
        {error.requestId === null ? '' : ` · ${error.requestId}`}
        {error.code === 'control-plane-answer-invalid' && error.status >= 400 ? ` · HTTP ${error.status}` : ''}
      </Box>
    </Alert>
  );
}
