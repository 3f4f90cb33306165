/** Decoded pictures of a recording, in order, and the one that is to be seen at a moment.
 *
 * What it holds is bounded: a few decoded pictures, and the encoded ones of a window or two. It knows
 * neither the center nor the page. */
import { bytesOf } from '../wall/player/units';
import type { StreamConfig } from '../wall/player/engine';
import { Goal } from './goal';
import type { Recorded } from './window';

/** Decoded pictures cost megabytes each, and decoders own few of them. */
const DECODED_MAX = 8;
const DECODING_MAX = 8;
/** What a seek throws away costs nothing but the decoder's time. */
const SEEKING_MAX = 24;

interface Showing {
  /** A picture, shown at this unix microsecond. */
  draw(frame: VideoFrame): void;
  /** The time of the picture that a seek was for, which has just been drawn; null: there is none. */
  found(us: number | null): void;
  failed(why: string): void;
}

export class Shower {
  private decoder: VideoDecoder | null = null;
  private config: StreamConfig | null = null;
  private configured = '';
  private readonly encoded: Recorded[] = [];
  private readonly ready: VideoFrame[] = [];
  private goal: Goal | null = null;
  /** The newest decoded picture of a seek that is not after its moment. */
  private best: VideoFrame | null = null;
  private flushed = false;

  constructor(private readonly showing: Showing) {}

  /** Encoded pictures that wait: whoever fetches stops while there are many. */
  get waiting(): number {
    return this.encoded.length;
  }

  /** Everything that was pushed has gone through the decoder: only more of it brings more. */
  get starved(): boolean {
    return this.encoded.length === 0 && (this.decoder?.decodeQueueSize ?? 0) === 0;
  }

  /** Begin anew: the next pictures start with a key frame. The one to find stands at `targetUs`, or
   * is the first after it where none does. */
  seek(targetUs: number): void {
    this.drop();
    this.goal = new Goal(targetUs);
    // Made ready while the pictures are on their way.
    if (this.config !== null) this.guarded(this.config, (config) => this.configure(config));
  }

  /** Pictures in the order of decoding. `last`: nothing follows them. */
  push(pictures: readonly Recorded[], last: boolean): void {
    this.encoded.push(...pictures);
    this.goal?.see(pictures, last);
    if (this.best !== null && this.goal?.us === this.best.timestamp) this.find();
    this.work();
    if (last) this.finish();
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
    this.goal = null;
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
      const most = this.goal === null ? DECODING_MAX : SEEKING_MAX;
      if ((this.decoder?.decodeQueueSize ?? 0) >= most) return;
      const unit = this.encoded.shift();
      if (unit === undefined || !this.guarded(unit, (one) => this.decode(one))) return;
    }
  }

  private guarded<T>(what: T, use: (what: T) => void): boolean {
    try {
      use(what);
      return true;
    } catch (error) {
      this.showing.failed(String(error));
      return false;
    }
  }

  private decode({ config, key, us, picture }: Recorded): void {
    if (key) this.configure(config);
    this.decoder?.decode(
      new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp: us, data: picture }),
    );
  }

  private configure(config: StreamConfig): void {
    const wanted = JSON.stringify(config);
    if (wanted === this.configured) return;
    this.decoder ??= this.made();
    const { codec, record } = config;
    const description = bytesOf(record);
    if (description === null) throw new TypeError('this configuration cannot be used');
    // Not for latency: that would take the decoder's threads away, and a seek is many pictures.
    this.decoder.configure({ codec, description });
    this.config = config;
    this.configured = wanted;
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
    if (this.goal === null) {
      this.ready.push(frame);
    } else if (frame.timestamp <= this.goal.targetUs) {
      this.best?.close();
      this.best = frame;
      if (frame.timestamp === this.goal.us) this.find();
    } else {
      // What was to be found has not come out, or there was nothing.
      if (this.best === null) this.best = frame;
      else this.ready.push(frame);
      this.find();
    }
    this.work();
  }

  private find(): void {
    const frame = this.best;
    this.best = null;
    this.goal = null;
    this.showing.found(frame === null ? null : this.drawn(frame));
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
        if (this.decoder !== decoder) return;
        this.flushed = true;
        if (this.goal !== null) this.find();
      };
      if (decoder === null) done();
      else void decoder.flush().then(done, () => undefined);
    };
    flush();
  }
}
