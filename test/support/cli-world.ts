import { randomBytes } from 'node:crypto';
import { runCli } from '../../control-plane/cli/cli.ts';
import { clientError, type Failure } from '../../control-plane/cli/errors.ts';
import { printableLine } from '../../control-plane/cli/output/safe.ts';
import type { FileText, HiddenAnswer, Ports, Terminal, TransportOptions } from '../../control-plane/cli/ports.ts';
import { transportTo } from './fake-control-plane-wire.ts';
import { FAKE_TOKEN, type FakeControlPlane } from './fake-control-plane.ts';

interface ReportJson {
  readonly id: string;
  readonly mode: string;
  readonly account: string | null;
  readonly tasks: readonly {
    readonly instance: string;
    readonly state: string | null;
    readonly code: string | null;
    readonly message: string | null;
    readonly password?: string;
  }[];
}

/** The operator's side of a command in memory: what is typed, what is shown, what lies on the disk. */
export class CliWorld {
  out = '';
  err = '';
  /** Every text of the line that is redrawn. */
  readonly statuses: string[] = [];
  terminal = { err: false, in: false };
  /** Lines typed in answer to hidden prompts; null stands for Ctrl-C. */
  typed: readonly string[] | null = [];
  answer: string | null = null;
  /** The hidden prompts that were shown last, and the question before them. */
  prompts: readonly string[] = [];
  question: string | null = null;
  stdin: Buffer = Buffer.alloc(0);
  env: Record<string, string> = { LATCHKEY_URL: 'https://control-plane.test', LATCHKEY_TOKEN: FAKE_TOKEN };
  readonly files = new Map<string, FileText>();
  /** Files that others could change, and how. */
  readonly weaknesses = new Map<string, string>();
  /** Hears of what is to go because of its age; nothing ages here. */
  removedOlder: (directory: string, ageMs: number) => void = () => undefined;
  /** Paths that the disk has no room for. */
  refuseWrite = /^$/;
  /** Buffers that were handed out with a secret in them, to see that they are zeroed. */
  readonly secrets: Buffer[] = [];
  /** Milliseconds that the wall clock is off. */
  clockOffMs = 0;
  connections: TransportOptions[] = [];
  readonly #controlPlane: FakeControlPlane;
  readonly #onInterrupt = new Set<() => void>();
  #elapsedMs = 0;

  constructor(controlPlane: FakeControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /** Runs one command line from a clean screen and resolves to its exit code. */
  async run(...argv: readonly string[]): Promise<number> {
    this.out = '';
    this.err = '';
    return runCli(argv, {
      out: (text) => {
        this.out += text;
      },
      err: (text) => {
        this.err += text;
      },
      ports: async () => this.ports(),
    });
  }

  interrupt(): void {
    for (const listener of this.#onInterrupt) listener();
  }

  get listening(): boolean {
    return this.#onInterrupt.size > 0;
  }

  json(): unknown {
    return JSON.parse(this.out);
  }

  /** What `reset --json` printed. */
  report(): ReportJson {
    return this.json() as ReportJson;
  }

  /** What a failed command printed with `--json`. */
  failure(): Failure {
    return (this.json() as { error: Failure }).error;
  }

  ports(): Ports {
    return {
      env: this.env,
      home: '/home/operator',
      terminal: this.#terminal(),
      files: {
        read: async (path) => this.files.get(path) ?? null,
        weakness: async (path) => this.weaknesses.get(path) ?? null,
        writeAtomically: async (path, text) => {
          if (this.refuseWrite.test(path)) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
          this.files.set(path, { text, mode: 0o100600 });
        },
        createPrivate: async (path) => {
          if (this.files.has(path)) throw Object.assign(new Error('exists'), { code: 'EEXIST' });
          this.files.set(path, { text: '', mode: 0o100600 });
          return {
            write: async (text) => {
              if (this.refuseWrite.test(path)) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
              this.files.set(path, { text, mode: 0o100600 });
            },
            discard: async () => {
              this.files.delete(path);
            },
          };
        },
        remove: async (path) => {
          this.files.delete(path);
        },
        removeOlderThan: async (directory, ageMs) => this.removedOlder(directory, ageMs),
      },
      clock: {
        now: () => Date.now() + this.clockOffMs,
        monotonic: () => this.#elapsedMs,
        // Time passes faster than for others, and others get their turn.
        sleep: async (delayMs) => {
          this.#elapsedMs += delayMs;
          await new Promise((resolve) => setTimeout(resolve, 1));
        },
      },
      random: { bytes: (count) => randomBytes(count), fraction: () => 0.5 },
      interrupts: {
        listen: (onInterrupt) => {
          this.#onInterrupt.add(onInterrupt);
          return () => this.#onInterrupt.delete(onInterrupt);
        },
      },
      connect: async (options) => {
        this.connections.push(options);
        return transportTo(this.#controlPlane, options.token, () => clientError('control-plane-unreachable'));
      },
    };
  }

  #terminal(): Terminal {
    const secret = (bytes: Buffer) => {
      this.secrets.push(bytes);
      return bytes;
    };
    return {
      errIsTerminal: this.terminal.err,
      inIsTerminal: this.terminal.in,
      columns: 80,
      out: (text) => {
        this.out += `${printableLine(text)}\n`;
      },
      data: (text) => {
        this.out += `${text}\n`;
      },
      err: (text) => {
        this.err += `${printableLine(text)}\n`;
      },
      status: (line) => {
        if (line !== null) this.statuses.push(line);
      },
      readHidden: async (prompts): Promise<HiddenAnswer> => {
        if (!this.terminal.in) return { kind: 'no-terminal' };
        this.prompts = prompts;
        if (this.typed === null) return { kind: 'cancelled' };
        return { kind: 'lines', lines: this.typed.map((line) => secret(Buffer.from(line))) };
      },
      ask: async (question) => {
        if (!this.terminal.in) return null;
        this.question = question;
        return this.answer;
      },
      readInput: async (bytesMax) => (this.stdin.length > bytesMax ? null : secret(Buffer.from(this.stdin))),
    };
  }
}
