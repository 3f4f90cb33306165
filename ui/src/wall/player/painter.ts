/** A worker that receives and decodes: what the page does meanwhile delays no picture, and only those
 * that are worth drawing reach it. Each engine has a `Painter` of its own here, at the other end of
 * a port. */
import type { EngineEvents, StreamConfig } from './engine';
import { Line } from './line';
import { bytesOf, Gate, Newest, readUnit, type Unit } from './units';

/** What an engine says to its painter. */
export type ToPainter = { open: string } | 'destroy';
/** And what comes back: a frame to draw and when it was captured, or an event of the engine. */
export type FromPainter =
  | ['frame', VideoFrame, number]
  | {
      [event in keyof EngineEvents]: [event, ...Parameters<EngineEvents[event]>];
    }[keyof EngineEvents];
/** The first and only message to the worker itself. */
export interface Begin {
  port: MessagePort;
}

/** Errors of the decoder in one minute before another engine is to try. */
const FAILURES_MAX = 3;
const FAILURES_WITHIN_MS = 60_000;

class Painter {
  private readonly gate = new Gate();
  private readonly newest = new Newest();
  private line: Line | null = null;
  private decoder: VideoDecoder | null = null;
  private wanted: VideoDecoderConfig | null = null;
  private failures: number[] = [];
  private over = false;

  constructor(private readonly port: MessagePort) {
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
    if (description === null) {
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

  /** Frames come in the order of showing; each is closed or handed over, or the
   * decoder runs out of them. */
  private show(frame: VideoFrame): void {
    const backlog = this.decoder?.decodeQueueSize ?? 0;
    const shown = this.over
      ? null
      : this.newest.choose(frame.timestamp, backlog, performance.now());
    if (shown === null) frame.close();
    else this.port.postMessage(['frame', frame, shown] satisfies FromPainter, [frame]);
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

globalThis.onmessage = ({ data }: MessageEvent<Begin>) => {
  new Painter(data.port);
};
