import { request, type IncomingMessage } from 'node:http';

/** Somebody who follows a stream of events over a socket. */
export class EventFollower {
  text = '';
  ended = false;
  readonly status: number;
  readonly #response: IncomingMessage;

  private constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
    });
    response.on('end', () => {
      this.ended = true;
    });
    // It ends as well when its connection is cut.
    response.on('error', () => {
      this.ended = true;
    });
  }

  static open(port: number, path: string, headers: Record<string, string>): Promise<EventFollower> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        resolve(new EventFollower(response));
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  /** The data of the events with that name, parsed. */
  eventsOf(name: string): unknown[] {
    const events = this.text.matchAll(new RegExp(`^event: ${name}\\ndata: (.*)\\n\\n`, 'gm'));
    return [...events].map(([, data = '']) => JSON.parse(data) as unknown);
  }

  hangUp(): void {
    this.#response.destroy();
  }
}
