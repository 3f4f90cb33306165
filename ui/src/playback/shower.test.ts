import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Shower } from './shower';
import type { Recorded } from './window';

const CONFIG = { codec: 'avc1.64001f', record: 'AQ==', width: 64, height: 48 };
const STEP_US = 40_000;
const GROUP = 25;

interface Chunk {
  type: string;
  timestamp: number;
}

/** Gives a picture away when it has got `holds` more, in the order of showing, as FFmpeg's threads
 * do; at a flush all of them. */
class Decoder {
  static holds = 0;
  static configured = 0;
  state = 'configured';
  decodeQueueSize = 0;
  ondequeue: (() => void) | null = null;
  decoded = 0;
  private readonly held: number[] = [];

  constructor(private readonly to: { output: (frame: VideoFrame) => void }) {
    decoders.push(this);
  }

  configure(): void {
    Decoder.configured += 1;
  }

  decode(chunk: Chunk): void {
    this.decodeQueueSize += 1;
    queueMicrotask(() => {
      this.decodeQueueSize -= 1;
      if (this.state === 'closed') return;
      this.decoded += 1;
      this.held.push(chunk.timestamp);
      this.held.sort((a, b) => a - b);
      if (this.held.length > Decoder.holds) this.give();
      this.ondequeue?.();
    });
  }

  async flush(): Promise<void> {
    await settled();
    while (this.held.length > 0) this.give();
  }

  close(): void {
    this.state = 'closed';
  }

  private give(): void {
    const timestamp = this.held.shift() ?? 0;
    open += 1;
    const close = () => (open -= 1);
    this.to.output({ timestamp, close } as unknown as VideoFrame);
  }
}

let open = 0;
const decoders: Decoder[] = [];
const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Two groups of pictures; `delayed`: every third is shown before the two that it comes behind. */
function film(count: number, delayed: boolean): Recorded[] {
  return Array.from({ length: count }, (_, n) => {
    const sentUs = (n + 1) * STEP_US;
    const key = n % GROUP === 0;
    const late = delayed ? (key || n % 3 !== 0 ? 3 : 1) : 0;
    return { config: CONFIG, key, us: sentUs + late * STEP_US - (delayed ? n % 3 : 0), sentUs, picture: new Uint8Array() };
  });
}

/** What stands at a moment, of all pictures there are; the first one where nothing does. */
function standing(pictures: readonly Recorded[], atUs: number): number {
  const times = pictures.map(({ us }) => us);
  const before = times.filter((us) => us <= atUs);
  return before.length > 0 ? Math.max(...before) : Math.min(...times);
}

class Seen {
  drawn: number[] = [];
  found: (number | null)[] = [];
  readonly shower = new Shower({
    draw: (frame) => this.drawn.push(frame.timestamp),
    found: (us) => this.found.push(us),
    failed: (why) => expect(why).toBe(''),
  });
}

beforeEach(() => {
  open = Decoder.holds = Decoder.configured = decoders.length = 0;
  vi.stubGlobal('VideoDecoder', Decoder);
  vi.stubGlobal('EncodedVideoChunk', class {
    constructor(chunk: Chunk) {
      Object.assign(this, chunk);
    }
  });
});
afterEach(() => vi.unstubAllGlobals());

describe('a seek', () => {
  it('draws the picture of the moment and no other, whatever the decoder holds back', async () => {
    for (const delayed of [false, true]) {
      const pictures = film(50, delayed);
      for (const holds of [delayed ? 3 : 0, 4, 7]) {
        Decoder.holds = holds;
        for (let atUs = 0; atUs < 40 * STEP_US; atUs += 53_000) {
          const seen = new Seen();
          seen.shower.seek(atUs);
          seen.shower.push(pictures, false);
          await settled();
          const wanted = standing(pictures, atUs);
          expect([seen.found, seen.drawn], `${atUs} ${holds} ${delayed}`).toEqual([[wanted], [wanted]]);
          seen.shower.drop();
        }
      }
    }
    expect(open).toBe(0);
  });

  it('does not wait for what follows, and waits for what it needs', async () => {
    const pictures = film(12, false);
    const seen = new Seen();
    seen.shower.seek(9 * STEP_US + 1);
    seen.shower.push(pictures.slice(0, 9), false);
    await settled();
    expect([seen.found, seen.shower.starved]).toEqual([[], true]);
    // The next one says that it was the last before the moment.
    seen.shower.push(pictures.slice(9, 10), false);
    expect(seen.found).toEqual([9 * STEP_US]);
  });

  it('finds the last there is, or says that there is nothing', async () => {
    Decoder.holds = 4;
    const seen = new Seen();
    seen.shower.seek(999 * STEP_US);
    seen.shower.push(film(9, false), true);
    await settled();
    await settled();
    expect(seen.found).toEqual([9 * STEP_US]);
    seen.shower.seek(1);
    seen.shower.push([], true);
    await settled();
    await settled();
    expect(seen.found).toEqual([9 * STEP_US, null]);
  });

  it('has its decoder ready before the pictures come, and forgets the one before', async () => {
    const seen = new Seen();
    seen.shower.seek(1);
    seen.shower.push(film(30, false), false);
    seen.shower.seek(5 * STEP_US);
    expect(Decoder.configured).toBe(2);
    await settled();
    expect([seen.found, decoders[0]?.state]).toEqual([[], 'closed']);
    seen.shower.push(film(30, false), false);
    await settled();
    expect(seen.found).toEqual([5 * STEP_US]);
    expect(Decoder.configured).toBe(2);
  });
});

it('goes on from what a seek has found', async () => {
  Decoder.holds = 2;
  const seen = new Seen();
  seen.shower.seek(3 * STEP_US);
  seen.shower.push(film(20, false), false);
  await settled();
  for (let n = 4; n <= 9; n += 1) {
    expect(seen.shower.show(n * STEP_US)).toBe(n * STEP_US);
    await settled();
  }
  expect(seen.drawn).toEqual([3, 4, 5, 6, 7, 8, 9].map((n) => n * STEP_US));
});
