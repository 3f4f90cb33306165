/** A worker that receives, decodes and draws: what the page does meanwhile delays no picture. Each
 * engine has a `Painter` of its own here, at the other end of a port. */
import type { EngineEvents, StreamConfig } from './engine';
import { Line } from './line';
import { Gate, Newest, readUnit, type Unit } from './units';

/** What an engine says to its painter. */
export type ToPainter = { open: string } | 'destroy';
/** And what comes back: an event of the engine, with its words. */
export type FromPainter = {
  [event in keyof EngineEvents]: [event, ...Parameters<EngineEvents[event]>];
}[keyof EngineEvents];
/** The first and only message to the worker itself. */
export interface Begin {
  canvas: OffscreenCanvas;
  port: MessagePort;
}

/** Errors of the decoder in one minute before another engine is to try. */
const FAILURES_MAX = 3;
const FAILURES_WITHIN_MS = 60_000;

class Painter {
  private readonly context: OffscreenCanvasRenderingContext2D | null;
  private readonly gate = new Gate();
  private readonly newest = new Newest();
  private line: Line | null = null;
  private decoder: VideoDecoder | null = null;
  private wanted: VideoDecoderConfig | null = null;
  private failures: number[] = [];
  private over = false;

  constructor(
    private readonly canvas: OffscreenCanvas,
    private readonly port: MessagePort,
  ) {
    this.context = canvas.getContext('2d', { alpha: false });
    port.onmessage = ({ data }: MessageEvent<ToPainter>) => {
      if (data === 'destroy') this.destroy();
      else this.open(data.open);
    };
  }

  private open(url: string): void {
    this.line?.close();
    this.line = new Line(url, {
      config: (config) => this.configure(config),
      picture: (bytes) => this.push(bytes),
      said: (said) => this.tell('said', said),
      closed: () => this.tell('closed'),
    });
  }

  private tell(...event: FromPainter): void {
    this.port.postMessage(event);
  }

  private configure({ codec, record }: StreamConfig): void {
    const description = bytesOf(record);
    if (this.context === null || description === null) {
      this.fail('this configuration cannot be used', true);
      return;
    }
    // The timeline may begin anew: no frame of before is mixed with those that follow.
    this.wanted = { codec, description, optimizeForLatency: true };
    this.gate.renew();
  }

  private push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.wanted === null) return;
    const unit = readUnit(bytes);
    if (unit === null) {
      this.gate.tear();
      return;
    }
    const verdict = this.gate.judge(unit, this.decoder?.decodeQueueSize ?? 0);
    if (verdict === 'skip') return;
    try {
      if (verdict === 'begin') this.begin(this.wanted);
      this.decode(unit);
    } catch (error) {
      this.broken(error);
    }
  }

  private destroy(): void {
    this.over = true;
    this.line?.close();
    if (this.decoder !== null && this.decoder.state !== 'closed') this.decoder.close();
    this.newest.clear();
    // Takes the pixels away also from whoever still holds the element: it has what is drawn last.
    this.canvas.width = 1;
    this.canvas.height = 1;
    this.context?.fillRect(0, 0, 1, 1);
    this.port.close();
  }

  /** A decoder without a past. */
  private begin(config: VideoDecoderConfig): void {
    this.newest.clear();
    if (this.decoder === null || this.decoder.state === 'closed') {
      const decoder: VideoDecoder = new VideoDecoder({
        output: (frame) => this.show(frame),
        error: (error) => {
          if (this.decoder === decoder) this.broken(error);
        },
      });
      this.decoder = decoder;
    } else {
      this.decoder.reset();
    }
    this.decoder.configure(config);
  }

  private decode(unit: Unit): void {
    this.newest.expect(unit, performance.now());
    this.decoder?.decode(
      new EncodedVideoChunk({
        type: unit.key ? 'key' : 'delta',
        timestamp: unit.shownUs,
        data: unit.picture,
      }),
    );
  }

  /** Frames come in the order of showing; each is closed, or the decoder runs out of them. */
  private show(frame: VideoFrame): void {
    const backlog = this.decoder?.decodeQueueSize ?? 0;
    const shown = this.over
      ? null
      : this.newest.choose(frame.timestamp, backlog, performance.now());
    if (shown !== null) this.draw(frame);
    frame.close();
    if (shown !== null) this.tell('shown', shown);
  }

  private draw(frame: VideoFrame): void {
    const { displayWidth: width, displayHeight: height } = frame;
    // Setting a size clears the canvas: only when it is another one.
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.context?.drawImage(frame, 0, 0, width, height);
  }

  /** The last picture stays and grows late; the next key frame begins afresh. */
  private broken(error: unknown): void {
    const why = String(error);
    if (error instanceof DOMException && error.name === 'NotSupportedError') {
      this.fail(why, true);
      return;
    }
    const now = performance.now();
    this.failures = this.failures.filter((at) => now - at < FAILURES_WITHIN_MS);
    this.failures.push(now);
    this.gate.renew();
    if (this.failures.length > FAILURES_MAX) this.fail(why, true);
  }

  private fail(why: string, fatal: boolean): void {
    if (!this.over) this.tell('failed', why, fatal);
  }
}

/** Base64 to bytes, null for what is not base64. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

globalThis.onmessage = ({ data }: MessageEvent<Begin>) => {
  new Painter(data.canvas, data.port);
};
