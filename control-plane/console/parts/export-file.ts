import type { ExportFormat } from './export.ts';

const TYPES: Record<ExportFormat, string> = {
  csv: 'text/csv;charset=utf-8',
  json: 'application/json',
  jsonl: 'application/jsonl',
};
/** Long enough for a browser to begin with the file, which it has then. */
const KEPT_MS = 60_000;

/** Hands a file to the browser as a download. Nothing leaves the page. */
export function saveFile(name: string, format: ExportFormat, parts: readonly string[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type: TYPES[format] }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
