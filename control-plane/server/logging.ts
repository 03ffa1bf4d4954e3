import pino, { type DestinationStream, type Logger } from 'pino';

/**
 * Fields that no log line may hold, at any of the depths where they could come from. Secrets are not handed to the log
 * in the first place; this catches the mistake.
 */
const REDACTED = ['password', 'secret', 'token', 'authorization', 'cookie', 'continuity', 'sealed', 'ciphertext'];

/** Structured log, one JSON object a line. `token` may be an id: ids are logged under `tokenId`. */
export function createLog(options: { readonly level: string; readonly destination?: DestinationStream }): Logger {
  const paths = REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, censor: '[redacted]' },
      serializers: { err: pino.stdSerializers.err },
    },
    options.destination ?? pino.destination({ dest: 2, sync: false }),
  );
}
