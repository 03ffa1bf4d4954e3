import type { AsciiText } from './output/json.ts';

/** Everything that the command line touches outside itself. Each port is handed in, so that a test can be the world. */

/** Where a person, or a pipe, reads and types. What is written as a line is made safe to show, and stays one line. */
export interface Terminal {
  /** Whether standard error is seen by a person. */
  readonly errIsTerminal: boolean;
  /** Columns of standard error. */
  readonly columns: number;
  /** Writes one line to standard output: results. */
  out(line: string): void;
  /** Writes a whole JSON text to standard output. */
  data(text: AsciiText): void;
  /** Writes one line to standard error: progress, notes, failures. */
  err(line: string): void;
  /** Shows this as the last line of standard error in place of the one before; null takes it away. Terminals only. */
  status(line: string | null): void;
  /**
   * Asks for one line per prompt without showing what is typed. The caller zeroes the buffers.
   */
  readHidden(prompts: readonly string[]): Promise<HiddenAnswer>;
  /** Asks for a line that may be seen; null when there is no terminal to ask on. */
  ask(question: string): Promise<string | null>;
  /** Whether standard input is a terminal. */
  readonly inIsTerminal: boolean;
  /** All of standard input. Null when it is longer than `bytesMax`. The caller zeroes it when it is secret. */
  readInput(bytesMax: number): Promise<Buffer | null>;
}

export type HiddenAnswer =
  | { readonly kind: 'lines'; readonly lines: readonly Buffer[] }
  | { readonly kind: 'no-terminal' }
  /** The person gave up: Ctrl-C, Ctrl-D. */
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'too-long' };

export interface FileText {
  readonly text: string;
  /** Permission bits; null where the system has none. */
  readonly mode: number | null;
}

/** A new file that nobody else can read, to be written once or given up. */
export interface PrivateFile {
  /** Resolves once it is on disk. */
  write(text: string): Promise<void>;
  /** Removes it. */
  discard(): Promise<void>;
}

export interface Files {
  /** Null when there is no such file. Rejects with the system's error otherwise. */
  read(path: string, bytesMax: number): Promise<FileText | null>;
  /**
   * Who else could change the file, or put another in its place: a sentence about it or the folder that it is in; null
   * when nobody but this user and root can, when neither is there, and where the system has no such permissions.
   */
  weakness(path: string): Promise<string | null>;
  /** The old content or all of the new, also after a crash; mode 0600, directories made as 0700. */
  writeAtomically(path: string, text: string): Promise<void>;
  /**
   * Makes a file that was not there, with mode 0600; directories are not made. Rejects with the system's error: `EEXIST`
   * where there is anything of that name, a link included.
   */
  createPrivate(path: string): Promise<PrivateFile>;
  /** Removes the file; no error when it is not there. */
  remove(path: string): Promise<void>;
  /** Removes the files of a directory that were not written for that long; best effort. */
  removeOlderThan(directory: string, ageMs: number): Promise<void>;
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Never goes back; milliseconds from some origin. */
  monotonic(): number;
  /** Resolves after that long, or at once when the signal aborts; never rejects. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
}

export interface Random {
  /** Cryptographic. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1); for jitter, not for secrets. */
  fraction(): number;
}

export interface Interrupts {
  /** Calls back when the person wants out (Ctrl-C) or the system does; the returned function stops listening. */
  listen(onInterrupt: () => void): () => void;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, below the URL of the control plane. */
  readonly path: string;
  readonly body?: string;
  readonly accept: 'application/json' | 'text/event-stream';
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** One control plane, over TLS, with the operator's token in every request. */
export interface Transport {
  /** Resolves once the headers are there, whatever the status. Rejects with a `CliError` when nothing answers. */
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly url: string;
  readonly token: string;
  /** PEM; null trusts the certificate authorities of the system. */
  readonly ca: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Ports {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The home directory of the user. */
  readonly home: string;
  readonly terminal: Terminal;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly interrupts: Interrupts;
  connect(options: TransportOptions): Promise<Transport>;
}
