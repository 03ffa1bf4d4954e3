/**
 * Counts a report of Vitest's JSON reporter. Prints `passed failed skipped` on one line.
 *
 * Usage: tally.ts REPORT
 */
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: 'passed' | 'failed';
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const [reportPath] = process.argv.slice(2);
if (reportPath === undefined) throw new Error('Name the report to count: tally.ts REPORT');
const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;

// A file that did not load, or whose set-up failed, has tests that never ran: without this, it would count as none.
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length;

console.log(
  [report.numPassedTests, report.numFailedTests + brokenFiles, report.numPendingTests + report.numTodoTests].join(' '),
);
