/**
 * Counts a report of Vitest's JSON reporter. Prints `passed failed skipped` on one line, and after it a line for each test
 * or file that failed.
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
    readonly name: string;
    readonly status: 'passed' | 'failed';
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const [reportPath] = process.argv.slice(2);
if (reportPath === undefined) throw new Error('Name the report to count: tally.ts REPORT');
const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;

const failed = report.testResults.flatMap(({ name, status, assertionResults }) => {
  const tests = assertionResults.filter((test) => test.status === 'failed');
  // A file that did not load, or whose set-up failed, has tests that never ran: without this, it would count as none.
  if (tests.length === 0) return status === 'failed' ? [`${name}: failed outside of its tests`] : [];
  return tests.map(({ fullName }) => `${name}: ${fullName}`);
});

console.log([report.numPassedTests, failed.length, report.numPendingTests + report.numTodoTests].join(' '));
for (const line of failed) console.log(line.replace(`${process.cwd()}/`, ''));
