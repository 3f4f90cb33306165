/** Decoded pictures of a recording, in order, and the one that is to be seen at a moment.
 *
 * What it holds is bounded: a few decoded pictures, and the encoded ones of a window or two. It knows
 * neither the center nor the page. */
import { bytesOf } from '../wall/player/units';
import type { Recorded } from './window';

/** Decoded pictures cost megabytes each, and decoders own few of them. */
const DECODED_MAX = 8;
const DECODING_MAX = 8;
/** What a seek throws away costs nothing but the decoder's time. */
const SEEKING_MAX = 24;

interface Showing {
  /** A picture, shown at this unix microsecond. */
  draw(frame: VideoFrame): void;
  failed(why: string): void;
}

export class Shower {
  private decoder: VideoDecoder | null = null;
  private configured = '';
  private readonly encoded: Recorded[] = [];
  private readonly ready: VideoFrame[] = [];
  /** What of a seek is thrown away: pictures before this one, unless none comes after them. */
  private targetUs = 0;
  private best: VideoFrame | null = null;
  private flushed = false;

  constructor(private readonly showing: Showing) {}

  /** Encoded pictures that wait: whoever fetches stops while there are many. */
  get waiting(): number {
    return this.encoded.length;
  }

  /** Begin anew: the next pictures start with a key frame, and the one to find is at `targetUs`. */
  seek(targetUs: number): void {
    this.drop();
    this.targetUs = targetUs;
  }

  /** Pictures in the order of decoding. `last`: nothing follows them. */
  push(pictures: readonly Recorded[], last: boolean): void {
    this.encoded.push(...pictures);
    this.work();
    if (last) this.finish();
  }

  /** The time of the picture that a seek was for, once it is drawn; null while it is not known. */
  found(): number | null {
    if (this.targetUs === 0 || (this.ready.length === 0 && !this.flushed)) return null;
    const next = this.ready[0];
    let frame = this.best;
    this.best = null;
    // Nothing at or before it: the first that there is.
    if (frame === null && next !== undefined) frame = this.ready.shift() ?? null;
    if (frame === null) return null;
    this.targetUs = 0;
    return this.drawn(frame);
  }

  /** Draw the newest picture that is due at `us`; its time, null when the one before stays. */
  show(us: number): number | null {
    let due: VideoFrame | undefined;
    while (this.ready[0] !== undefined && this.ready[0].timestamp <= us) {
      due?.close();
      due = this.ready.shift();
    }
    this.work();
    return due === undefined ? null : this.drawn(due);
  }

  /** When the next picture is shown, null while none is decoded. */
  next(): number | null {
    return this.ready[0]?.timestamp ?? null;
  }

  /** Nothing is left to show. */
  get empty(): boolean {
    return this.flushed && this.ready.length === 0 && this.encoded.length === 0;
  }

  /** Forget everything. */
  drop(): void {
    this.encoded.length = 0;
    for (const frame of this.ready.splice(0)) frame.close();
    this.best?.close();
    this.best = null;
    this.flushed = false;
    this.configured = '';
    if (this.decoder !== null && this.decoder.state !== 'closed') this.decoder.close();
    this.decoder = null;
  }

  private drawn(frame: VideoFrame): number {
    const { timestamp } = frame;
    this.showing.draw(frame);
    frame.close();
    this.work();
    return timestamp;
  }

  /** Feed the decoder as far as there is room for what comes out. */
  private work(): void {
    while (this.encoded.length > 0 && this.ready.length < DECODED_MAX) {
      const most = this.targetUs > 0 ? SEEKING_MAX : DECODING_MAX;
      if ((this.decoder?.decodeQueueSize ?? 0) >= most) return;
      const unit = this.encoded.shift();
      if (unit === undefined) return;
      try {
        this.decode(unit);
      } catch (error) {
        this.showing.failed(String(error));
        return;
      }
    }
  }

  private decode(unit: Recorded): void {
    const wanted = JSON.stringify(unit.config);
    if (unit.key && wanted !== this.configured) {
      this.decoder ??= this.made();
      const { codec, record } = unit.config;
      const description = bytesOf(record);
      if (description === null) throw new TypeError('this configuration cannot be used');
      this.decoder.configure({ codec, description, optimizeForLatency: true });
      this.configured = wanted;
    }
    const { key, us, picture } = unit;
    this.decoder?.decode(
      new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp: us, data: picture }),
    );
  }

  private made(): VideoDecoder {
    const decoder: VideoDecoder = new VideoDecoder({
      output: (frame) => {
        if (this.decoder === decoder) this.take(frame);
        else frame.close();
      },
      error: (error) => {
        if (this.decoder === decoder) this.showing.failed(String(error));
      },
    });
    // Room in its queue is room for more work, also while nothing is being shown.
    decoder.ondequeue = () => {
      if (this.decoder === decoder) this.work();
    };
    return decoder;
  }

  private take(frame: VideoFrame): void {
    if (this.targetUs > 0 && frame.timestamp <= this.targetUs) {
      this.best?.close();
      this.best = frame;
    } else {
      this.ready.push(frame);
    }
    this.work();
  }

  private finish(): void {
    const decoder = this.decoder;
    const flush = () => {
      if (this.decoder !== decoder) return;
      if (this.encoded.length > 0) {
        setTimeout(flush, 20);
        return;
      }
      const done = () => {
        if (this.decoder === decoder) this.flushed = true;
      };
      if (decoder === null) done();
      else void decoder.flush().then(done, () => undefined);
    };
    flush();
  }
}
