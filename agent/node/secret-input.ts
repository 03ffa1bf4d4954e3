import { StringDecoder } from 'node:string_decoder';

const SECRET_CHARS_MAX = 4_096;

/** One line of standard input; from a terminal without showing it. null when it was given up, or never ends. */
export async function readSecretLine(prompt: string): Promise<string | null> {
  const { stdin } = process;
  const hidden = stdin.isTTY;
  if (hidden) {
    // In this order: what is pasted as soon as the prompt is there must not be shown any more.
    stdin.setRawMode(true);
    process.stderr.write(prompt);
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

async function readLine(input: NodeJS.ReadStream, isTerminal: boolean): Promise<string | null> {
  const decoder = new StringDecoder('utf8');
  let line = '';
  for await (const chunk of input) {
    for (const char of decoder.write(chunk as Buffer)) {
      if (char === '\n' || char === '\r' || (isTerminal && char === CONTROL_D)) return line;
      if (isTerminal && char === CONTROL_C) return null;
      if (isTerminal && BACKSPACE.includes(char)) line = line.slice(0, -1);
      else line += char;
      if (line.length > SECRET_CHARS_MAX) return null;
    }
  }
  return line;
}
