/** Pictures through MediaSource: append, trim, stay at the live edge. */
import { readFragment } from './boxes';
import { keepAtEdge, trimTo, type Span } from './edge';
import type { Engine, EngineEvents, StreamConfig } from './engine';
import { Line } from './line';
import { CaptureTimes } from './timeline';

const QUEUE_MAX = 512;
const QUEUE_MAX_BYTES = 24 * 1024 * 1024;
/** More than the longest group of pictures: removing cuts at key frames, never under the position. */
const KEEP_S = 20;
const KEEP_TIGHT_S = 2;
const TICK_MS = 250;
const GAP_S = 1;

type Step = { bytes: Uint8Array<ArrayBuffer> } | { codec: string } | { offsetS: number } | { removeTo: number };

export class MseEngine implements Engine {
  readonly format = 'fmp4';
  readonly element: HTMLVideoElement;
  private readonly source = new MediaSource();
  private readonly url: string;
  private readonly times = new CaptureTimes();
  private readonly steps: Step[] = [];
  private readonly timer: ReturnType<typeof setInterval>;
  private line: Line | null = null;
  private buffer: SourceBuffer | null = null;
  private codec = '';
  private queuedBytes = 0;
  private offsetS = 0;
  private endS = 0;
  private begun = false;
  private newTimeline = true;
  private over = false;
  private tight = false;

  constructor(private readonly events: EngineEvents) {
    this.element = document.createElement('video');
    this.element.muted = true;
    this.element.playsInline = true;
    this.element.disablePictureInPicture = true;
    this.element.disableRemotePlayback = true;
    this.element.tabIndex = -1;
    this.element.setAttribute('aria-hidden', 'true');
    this.source.addEventListener('sourceopen', () => this.run());
    this.element.addEventListener('error', () => this.fail('the decoder gave up', false));
    this.url = URL.createObjectURL(this.source);
    this.element.src = this.url;
    this.watchFrames();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  open(url: string): void {
    this.line?.close();
    this.line = new Line(url, {
      config: (config) => this.configure(config),
      picture: (bytes) => this.push(bytes),
      said: (said) => this.events.said(said),
      closed: () => this.events.closed(),
    });
  }

  private configure(config: StreamConfig): void {
    const codec = `video/mp4; codecs="${config.codec}"`;
    if (!MediaSource.isTypeSupported(codec)) {
      this.fail(`this browser does not play ${config.codec}`, true);
      return;
    }
    this.newTimeline = true;
    if (codec !== this.codec) this.steps.push({ codec });
    this.codec = codec;
    this.run();
  }

  private push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.over || this.codec === '') return;
    const fragment = readFragment(bytes);
    if (fragment !== null) {
      if (this.newTimeline) this.join(fragment.decodeS);
      this.endS = fragment.decodeS + this.offsetS;
      if (fragment.capturedMs > 0) {
        this.times.add(fragment.mediaS + this.offsetS, fragment.capturedMs);
      }
    }
    this.queuedBytes += bytes.byteLength;
    this.steps.push({ bytes });
    if (this.steps.length > QUEUE_MAX || this.queuedBytes > QUEUE_MAX_BYTES) {
      this.fail('pictures come faster than they can be taken', false);
      return;
    }
    this.run();
  }

  shownAgain(): void {
    if (this.over) return;
    this.follow();
    this.play();
  }

  destroy(): void {
    if (this.over) return;
    this.over = true;
    this.line?.close();
    clearInterval(this.timer);
    this.steps.length = 0;
    this.times.clear();
    this.element.remove();
    this.element.pause();
    this.element.removeAttribute('src');
    this.element.load();
    URL.revokeObjectURL(this.url);
  }

  /** A new configuration may restart the stream's clock: lay it behind what is there already. */
  private join(decodeS: number): void {
    this.newTimeline = false;
    const at = decodeS + this.offsetS;
    if (this.begun && at > this.endS && at < this.endS + GAP_S) return;
    this.offsetS = (this.begun ? this.endS + 0.04 : 0) - decodeS;
    this.begun = true;
    this.steps.push({ offsetS: this.offsetS });
    // The order on the queue: initialisation segment first, then the offset, then pictures.
  }

  private run(): void {
    while (!this.over && this.source.readyState === 'open' && this.buffer?.updating !== true) {
      const step = this.steps.shift();
      if (step === undefined) return;
      if (!this.take(step)) return;
    }
  }

  private take(step: Step): boolean {
    try {
      if ('codec' in step) this.changeType(step.codec);
      else if (this.buffer === null) return true;
      else if ('offsetS' in step) this.buffer.timestampOffset = step.offsetS;
      else if ('removeTo' in step) this.buffer.remove(0, step.removeTo);
      else {
        this.buffer.appendBuffer(step.bytes);
        this.queuedBytes -= step.bytes.byteLength;
        this.tight = false;
      }
      return true;
    } catch (error) {
      return this.recover(error, step);
    }
  }

  private recover(error: unknown, step: Step): boolean {
    const full = error instanceof DOMException && error.name === 'QuotaExceededError';
    const cut = this.element.currentTime - KEEP_TIGHT_S;
    if (full && !this.tight && cut > 0) {
      this.tight = true;
      this.steps.unshift({ removeTo: cut }, step);
      return true;
    }
    this.fail(full ? 'the browser has no room for more pictures' : String(error), false);
    return false;
  }

  private changeType(codec: string): void {
    if (this.buffer !== null) {
      this.buffer.changeType(codec);
      return;
    }
    this.buffer = this.source.addSourceBuffer(codec);
    this.buffer.mode = 'segments';
    this.buffer.addEventListener('updateend', () => {
      if (this.over) return;
      this.follow();
      this.run();
    });
  }

  private ranges(): Span[] {
    if (this.buffer === null || this.source.readyState !== 'open') return [];
    const found = this.buffer.buffered;
    return Array.from({ length: found.length }, (_, i) => ({
      start: found.start(i),
      end: found.end(i),
    }));
  }

  private follow(): void {
    const video = this.element;
    if (video.seeking) return;
    const move = keepAtEdge(this.ranges(), video.currentTime, video.playbackRate);
    if (move !== null && 'to' in move) {
      video.currentTime = move.to;
      video.playbackRate = 1;
    } else if (move !== null) {
      video.playbackRate = move.rate;
    }
    if (video.paused) this.play();
  }

  private play(): void {
    if (!this.element.isConnected || document.hidden) return;
    // Refused when the element moves meanwhile; the next tick tries again.
    this.element.play().catch(() => undefined);
  }

  private tick(): void {
    if (this.over) return;
    this.follow();
    const cut = trimTo(this.ranges(), this.element.currentTime, KEEP_S);
    if (cut !== null && !this.steps.some((step) => 'removeTo' in step)) {
      this.steps.push({ removeTo: cut });
    }
    this.run();
  }

  private watchFrames(): void {
    this.element.requestVideoFrameCallback((_, frame) => {
      if (this.over) return;
      const captured = this.times.at(frame.mediaTime);
      if (captured !== null) this.events.shown(captured);
      this.watchFrames();
    });
  }

  private fail(why: string, fatal: boolean): void {
    if (!this.over) this.events.failed(why, fatal);
  }
}
