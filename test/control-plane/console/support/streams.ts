import type { StreamHandlers, StreamPorts } from '../../../../control-plane/console/api/stream.ts';

/** Every stream that was opened, with what its other end can do. */
export class Streams {
  readonly all: (StreamHandlers & { isOpen: boolean })[] = [];

  readonly open: StreamPorts['openStream'] = (handlers) => {
    const stream = { ...handlers, isOpen: true };
    this.all.push(stream);
    return { close: () => void (stream.isOpen = false) };
  };

  /** The one that was opened last. */
  get last(): StreamHandlers {
    const last = this.all.at(-1);
    if (last === undefined) throw new Error('no stream was opened');
    return last;
  }

  get areOpen(): readonly boolean[] {
    return this.all.map(({ isOpen }) => isOpen);
  }
}
