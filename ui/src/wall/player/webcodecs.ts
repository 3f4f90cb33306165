/** Pictures through WebCodecs: every unit decoded as it comes, only the newest frame drawn. For the
 * one enlarged tile, where delay counts; on a wall MediaSource decodes for less. */
import type { Engine, EngineEvents, StreamConfig } from './engine';
import { Gate, Newest, readUnit, type Unit } from './units';

/** Errors of the decoder in one minute before another engine is to try. */
const FAILURES_MAX = 3;
const FAILURES_WITHIN_MS = 60_000;

/** Browsers offer WebCodecs to localhost and over TLS only. */
export function hasWebCodecs(): boolean {
  return 'VideoDecoder' in globalThis && 'EncodedVideoChunk' in globalThis;
}

export class WebCodecsEngine implements Engine {
  readonly format = 'units';
  readonly element: HTMLCanvasElement;
  private readonly canvas: CanvasRenderingContext2D | null;
  private readonly gate = new Gate();
  private readonly newest = new Newest();
  private decoder: VideoDecoder | null = null;
  private wanted: VideoDecoderConfig | null = null;
  private failures: number[] = [];
  private over = false;

  constructor(private readonly events: EngineEvents) {
    this.element = document.createElement('canvas');
    this.element.setAttribute('aria-hidden', 'true');
    this.canvas = this.element.getContext('2d', { alpha: false });
  }

  configure({ codec, record }: StreamConfig): void {
    const description = bytesOf(record);
    if (this.canvas === null || description === null) {
      this.fail('this configuration cannot be used', true);
      return;
    }
    // The timeline may begin anew: no frame of before is mixed with those that follow.
    this.wanted = { codec, description, optimizeForLatency: true };
    this.gate.renew();
  }

  push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.over || this.wanted === null) return;
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

  /** A canvas keeps its picture wherever it is put. */
  shownAgain(): void {}

  destroy(): void {
    if (this.over) return;
    this.over = true;
    if (this.decoder !== null && this.decoder.state !== 'closed') this.decoder.close();
    this.newest.clear();
    this.element.remove();
    // Takes the pixels away also from whoever still holds the element.
    this.element.width = 0;
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
    const capturedMs = this.over
      ? null
      : this.newest.choose(frame.timestamp, backlog, performance.now());
    if (capturedMs !== null) this.draw(frame);
    frame.close();
    if (capturedMs !== null) this.events.shown(capturedMs);
  }

  private draw(frame: VideoFrame): void {
    const { displayWidth: width, displayHeight: height } = frame;
    // Setting a size clears the canvas: only when it is another one.
    if (this.element.width !== width) this.element.width = width;
    if (this.element.height !== height) this.element.height = height;
    this.canvas?.drawImage(frame, 0, 0, width, height);
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
    if (!this.over) this.events.failed(why, fatal);
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
