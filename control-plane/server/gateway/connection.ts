import type { CloseReason } from '#protocol';

/** One open socket of a peer that has proven nothing yet, as far as the gateway cares. */
export interface Connection {
  /** Where it comes from: for counting refusals and limiting, never for trust. */
  readonly source: string;
  /** Queues a text message; a no-op once the connection is closed. */
  send(text: string): void;
  /** What is queued leaves now, and not at the end of the turn, which may have much else to do. */
  flush?(): void;
  /** The peer has proven who it is, so that it counts no more as one who has not. */
  proven?(): void;
  /** Closes with the code of that reason; the peer's answer is not waited for. */
  close(reason: CloseReason): void;
}

/** What a connection is told about its peer, in the order in which it happened. */
export interface ConnectionHandler {
  onText(text: string): void;
  /** Once, whoever closed it. */
  onClosed(): void;
}
