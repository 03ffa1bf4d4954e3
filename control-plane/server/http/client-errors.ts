import type { Socket } from 'node:net';
import { ApiError } from '../service/errors.ts';
import type { Random } from '../service/ports.ts';
import { errorBody } from './errors.ts';

/**
 * Answers what is not even HTTP, or was not finished in time. There is no request to speak of, so the bytes are written
 * by hand, and the connection ends.
 */
export function answerClientError(random: Pick<Random, 'uuid'>) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = statusOf(error.code);
    const body = JSON.stringify(errorBody(new ApiError('body-malformed'), random.uuid()));
    const head = [
      `HTTP/1.1 ${status}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'cache-control: no-store',
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };
}

function statusOf(code: string | undefined): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return '400 Bad Request';
}
