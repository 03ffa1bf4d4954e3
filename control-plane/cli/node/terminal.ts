import type { ReadStream, WriteStream } from 'node:tty';
import { printableLine } from '../output/safe.ts';
import type { HiddenAnswer, Terminal } from '../ports.ts';
import { createHiddenLine } from './hidden-prompt.ts';

const CLEAR_LINE = '\r\u001b[2K';
const COLUMNS_WHEN_UNKNOWN = 80;

export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** The terminal, or the pipes, of this process. */
export function createTerminal({ stdin, stdout, stderr }: Streams): Terminal {
  let status: string | null = null;

  /** Lines go above the status, which is taken away meanwhile. */
  function write(stream: WriteStream | NodeJS.WriteStream, text: string) {
    if (status !== null) stderr.write(CLEAR_LINE);
    stream.write(`${text}\n`);
    if (status !== null) stderr.write(status);
  }

  return {
    errIsTerminal: stderr.isTTY,
    inIsTerminal: stdin.isTTY,
    get columns() {
      return stderr.isTTY ? stderr.columns : COLUMNS_WHEN_UNKNOWN;
    },
    out: (line) => write(stdout, printableLine(line)),
    data: (text) => write(stdout, text),
    err: (line) => write(stderr, printableLine(line)),
    status(line) {
      if (!stderr.isTTY || (status === null && line === null)) return;
      status = line === null ? null : printableLine(line);
      stderr.write(`${CLEAR_LINE}${status ?? ''}`);
    },
    readHidden: (prompts) =>
      stdin.isTTY ? readHidden(stdin, stderr, prompts.map(printableLine)) : Promise.resolve({ kind: 'no-terminal' }),
    async ask(question) {
      if (!stdin.isTTY || !stderr.isTTY) return null;
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return await lines.question(printableLine(question));
      } catch {
        return null; // Ctrl-C or Ctrl-D.
      } finally {
        lines.close();
      }
    },
    readInput: (bytesMax) => readInput(stdin, bytesMax),
  };
}

/** In raw mode the terminal shows nothing and hands over every key, Ctrl-C included. */
async function readHidden(
  stdin: ReadStream,
  stderr: NodeJS.WriteStream,
  prompts: readonly string[],
): Promise<HiddenAnswer> {
  const { promise, resolve } = Promise.withResolvers<HiddenAnswer>();
  const lines: Buffer[] = [];
  let line = createHiddenLine();

  function end(answer: HiddenAnswer) {
    line.wipe();
    if (answer.kind !== 'lines') for (const typed of lines) typed.fill(0);
    resolve(answer);
  }

  function onData(bytes: Buffer) {
    for (const byte of bytes) {
      const input = line.type(byte);
      if (input === 'more') continue;
      stderr.write('\n');
      if (input !== 'line') {
        end({ kind: input });
        break;
      }
      lines.push(line.take());
      line.wipe();
      line = createHiddenLine();
      const prompt = prompts[lines.length];
      if (prompt === undefined) {
        end({ kind: 'lines', lines });
        break;
      }
      stderr.write(prompt);
    }
    bytes.fill(0);
  }
  const onEnd = () => end({ kind: 'cancelled' });

  // Before the prompt: what is typed in answer to it must not be shown.
  stdin.setRawMode(true);
  stdin.on('data', onData).on('end', onEnd);
  stdin.resume();
  stderr.write(prompts[0] ?? '');
  try {
    return await promise;
  } finally {
    stdin.off('data', onData).off('end', onEnd);
    stdin.setRawMode(false);
    stdin.pause();
  }
}

async function readInput(stdin: NodeJS.ReadStream, bytesMax: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size > bytesMax) break;
  }
  const whole = Buffer.concat(parts);
  for (const part of parts) part.fill(0);
  if (size <= bytesMax) return whole;
  whole.fill(0);
  return null;
}
