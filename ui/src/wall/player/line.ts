/** One view's WebSocket, in the page or in a worker. */
import type { StreamConfig } from './engine';

/** A text of the center. What nobody here knows is for a newer page. */
export type Said = Partial<StreamConfig> & { ended?: string; reduced?: string };

export interface LineEvents {
  /** What follows is decoded with this. */
  config(config: StreamConfig): void;
  picture(bytes: Uint8Array<ArrayBuffer>): void;
  said(said: Said): void;
  /** By the other end or the network; not by `close`. */
  closed(): void;
}

export class Line {
  private readonly socket: WebSocket;

  constructor(url: string, events: LineEvents) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data !== 'string') {
        events.picture(new Uint8Array(data));
        return;
      }
      const said = saidIn(data);
      if (typeof said.codec === 'string') {
        const { codec, record = '', width = 0, height = 0 } = said;
        events.config({ codec, record, width, height });
      }
      events.said(said);
    };
    this.socket.onclose = () => events.closed();
  }

  /** Nothing more comes of it. */
  close(): void {
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
  }
}

function saidIn(text: string): Said {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null ? said : {};
  } catch {
    return {};
  }
}
