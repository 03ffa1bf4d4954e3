import type * as z from 'zod';
import { ApiFailure } from '../../../api/failure.ts';
import { remedyOf } from '../../../parts/remedy.ts';

/** What is wrong with a form, by field; what belongs to no field is told apart. */
export type FieldErrors = Readonly<Record<string, string>>;

export function fieldErrors(error: z.ZodError): FieldErrors {
  const errors: Record<string, string> = {};
  for (const { path, message } of error.issues) errors[String(path[0] ?? '')] ??= message;
  return errors;
}

/** Codes of the control plane that are about one field, whatever their details name. */
const FIELD_OF_CODE: Readonly<Record<string, string>> = {
  'instance-name-taken': 'name',
  'project-not-found': 'project',
};

/** What the control plane said of single fields; empty where it spoke of something else. */
export function refusedFields(error: unknown, fields: readonly string[]): FieldErrors {
  if (!(error instanceof ApiFailure)) return {};
  const field = FIELD_OF_CODE[error.code];
  if (field !== undefined) return { [field]: `${error.message} ${remedyOf(error)}`.trim() };
  const errors: Record<string, string> = {};
  for (const { subject, message } of error.details) {
    const named = fields.find((name) => subject === name || subject.startsWith(`${name}.`));
    if (named !== undefined) errors[named] ??= message;
  }
  return errors;
}
