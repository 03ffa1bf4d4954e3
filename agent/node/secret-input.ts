import { StringDecoder } from 'node:string_decoder';

const SECRET_CHARS_MAX = 4_096;

/** One line of standard input; from a terminal without showing it. Rejects when there is none, or it never ends. */
export async function readSecretLine(prompt: string): Promise<string> {
  const { stdin } = process;
  const hidden = stdin.isTTY;
  if (hidden) {
    process.stderr.write(prompt);
    stdin.setRawMode(true);
  }
  try {
    return await readLine(stdin, hidden);
  } finally {
    if (hidden) {
      stdin.setRawMode(false);
      process.stderr.write('\n');
    }
    stdin.pause();
  }
}

const CONTROL_C = '\u0003';
const CONTROL_D = '\u0004';
const BACKSPACE = ['\u007f', '\b'];

async function readLine(input: NodeJS.ReadStream, isTerminal: boolean): Promise<string> {
  const decoder = new StringDecoder('utf8');
  let line = '';
  for await (const chunk of input) {
    for (const char of decoder.write(chunk as Buffer)) {
      if (char === '\n' || char === '\r' || (isTerminal && char === CONTROL_D)) return line;
      if (isTerminal && char === CONTROL_C) throw new Error('cancelled');
      if (isTerminal && BACKSPACE.includes(char)) line = line.slice(0, -1);
      else line += char;
      if (line.length > SECRET_CHARS_MAX) throw new Error('the line is too long');
    }
  }
  return line;
}
