/** What a bench may be told; each has defaults of its own for what is null. */
export interface BenchOptions {
  readonly rounds: number | null;
  /** How many simulated agents. */
  readonly agents: number | null;
  /** How many light hosts. */
  readonly hosts: number | null;
  /** How many instances a list has, and how many tasks a batch. */
  readonly instances: number | null;
  readonly tasks: number | null;
  /** How long processes at rest are watched. */
  readonly seconds: number | null;
}

export interface BenchContext {
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  /** An empty directory of its own, which goes when the bench ends. */
  readonly directory: string;
  /** For a person who waits. */
  readonly progress: (text: string) => void;
}

export interface Bench {
  readonly name: string;
  readonly measures: string;
  /** Beside Linux and root. */
  readonly needs: string;
  /** On an idle machine with two cores. */
  readonly minutes: number;
  run(context: BenchContext): Promise<BenchResult>;
}

/** The first row is the head. */
export type Rows = readonly (readonly string[])[];

export interface BenchResult {
  /** What the figures hold for, a sentence each. */
  readonly notes: readonly string[];
  readonly tables: readonly Rows[];
  /** The same for programs, unrounded. */
  readonly figures: unknown;
}

const MEGABYTE = 1024 * 1024;
const KILOBYTE = 1024;

export const megabytes = (bytes: number): string => (bytes / MEGABYTE).toFixed(1);
export const kilobytes = (bytes: number): string => (bytes / KILOBYTE).toFixed(1);

/** The first column to the left, numbers to the right. */
export function columns(rows: Rows): string[] {
  const widths = rows.reduce<number[]>((max, row) => row.map((text, at) => Math.max(max[at] ?? 0, text.length)), []);
  return rows.map((row) => {
    const cells = row.map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)));
    return cells.join('   ').trimEnd();
  });
}

/** `target` as a verdict on what was measured; at most that much is promised. */
export function verdict(measured: number, target: number, unit: string): string {
  return `${target.toFixed(1)} ${unit} ${measured <= target ? 'met' : 'MISSED'}`;
}

/** What a run without it would hide: the rest of the machine. */
export function loadText(before: number, after: number): string {
  return `load ${before.toFixed(1)} before and ${after.toFixed(1)} after`;
}

/** Rivals that could not be had, and why: no table leaves one out in silence. */
export function missingTable(missing: readonly (readonly [name: string, why: string])[]): Rows[] {
  return missing.length === 0 ? [] : [[['not to be had', 'why'], ...missing]];
}
