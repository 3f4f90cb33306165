import { describe, expect, it } from 'vitest';
import { readFragment, TIMESCALE } from './boxes';
import { keepAtEdge, TARGET_S, trimTo } from './edge';
import { LagMeter, LATE_MS, NO_LAG } from './lag';
import { CaptureTimes } from './timeline';

function box(type: string, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = 8 + parts.reduce((sum, part) => sum + part.length, 0);
  const made = new Uint8Array(size);
  new DataView(made.buffer).setUint32(0, size);
  made.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  let at = 8;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

function numbers(...words: (number | bigint)[]): Uint8Array {
  const made = new DataView(new ArrayBuffer(words.length * 8));
  let at = 0;
  for (const word of words) {
    if (typeof word === 'bigint') made.setBigUint64(at, word);
    else made.setUint32(at, word);
    at += typeof word === 'bigint' ? 8 : 4;
  }
  return new Uint8Array(made.buffer, 0, at);
}

function ntp(unixMs: number): bigint {
  const seconds = BigInt(Math.floor(unixMs / 1000) + 2_208_988_800);
  return (seconds << 32n) | ((BigInt(unixMs % 1000) << 32n) / 1000n);
}

const CAPTURED = 1_795_432_812_340;
const moof = (decode: bigint) =>
  box('moof', box('mfhd', numbers(0, 1)), box('traf', box('tfdt', numbers(0x01000000, decode))));
const prft = (media: bigint) => box('prft', numbers(0x01000000, 1, ntp(CAPTURED), media));
const join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));

describe('fragments', () => {
  it('carry capture, presentation and decoding time', () => {
    const bytes = join(prft(BigInt(3 * TIMESCALE)), moof(BigInt(2 * TIMESCALE)), box('mdat'));
    const read = readFragment(bytes);
    expect(prft(0n)).toHaveLength(32);
    expect(read?.capturedMs).toBeCloseTo(CAPTURED, 0);
    expect([read?.mediaS, read?.decodeS]).toEqual([3, 2]);
  });

  it('are found at any place of a larger buffer', () => {
    const bytes = join(new Uint8Array(5), prft(90_000n), moof(0n));
    expect(readFragment(bytes.subarray(5))?.mediaS).toBe(1);
  });

  it('without prft have no capture time', () => {
    expect(readFragment(moof(45_000n))).toEqual({ capturedMs: 0, mediaS: 0.5, decodeS: 0.5 });
  });

  it.each([
    ['an initialisation segment', join(box('ftyp'), box('moov'))],
    ['nothing', new Uint8Array()],
    ['a torn box', prft(0n).subarray(0, 20)],
    ['a moof without a time', box('moof', box('traf'))],
    ['a size of nonsense', numbers(3, 0x6d6f6f66, 0, 0)],
  ])('%s is none', (_, bytes) => expect(readFragment(bytes)).toBeNull());
});

describe('capture times', () => {
  it('belong to the picture on screen, not to the next one', () => {
    const times = new CaptureTimes();
    for (const n of [0, 2, 1, 3]) times.add(n / 10, 1_000 + n * 100);
    expect(times.at(0.1)).toBe(1_100);
    expect(times.at(0.17)).toBe(1_100);
    expect(times.at(9)).toBe(1_300);
    expect(times.at(-1)).toBeNull();
    times.clear();
    expect(times.at(1)).toBeNull();
  });

  it('are bounded', () => {
    const times = new CaptureTimes();
    for (let n = 0; n < 5_000; n += 1) times.add(n, n);
    expect(times.at(10)).toBeNull();
    expect(times.at(4_990)).toBe(4_990);
  });
});

describe('lag', () => {
  it('is live below two seconds, late from there on, and grows when nothing new is shown', () => {
    let now = 10_000;
    const meter = new LagMeter(() => now);
    expect(meter.read()).toBe(NO_LAG);
    meter.shown(9_600);
    expect(meter.read()).toEqual({ kind: 'live', lagMs: 400, capturedMs: 9_600 });
    now = 9_600 + LATE_MS;
    expect(meter.read()).toEqual({ kind: 'late', lagMs: LATE_MS, capturedMs: 9_600 });
    meter.clear();
    expect(meter.read()).toBe(NO_LAG);
  });

  it('is never negative when clocks differ a little', () => {
    const meter = new LagMeter(() => 1_000);
    meter.shown(1_050);
    expect(meter.read()).toMatchObject({ kind: 'live', lagMs: 0 });
  });
});

describe('the live edge', () => {
  const one = [{ start: 0, end: 10 }];

  it.each([
    ['nothing buffered', [], 0, 1, null],
    ['where it should be', one, 9.85, 1, null],
    ['at the very start of a burst', one, 0, 1, { to: 10 - TARGET_S }],
    ['far behind', one, 8, 1, { to: 10 - TARGET_S }],
    ['caught up', one, 9.9, 1.1, { rate: 1 }],
    ['still catching up', one, 9.8, 1.1, null],
    ['before a gap', [{ start: 0, end: 5 }, { start: 9.95, end: 10 }], 5, 1, { to: 9.95 }],
    ['beyond everything', one, 11, 1, { to: 10 - TARGET_S }],
  ])('%s', (_, ranges, position, rate, move) => {
    expect(keepAtEdge(ranges, position, rate)).toEqual(move);
  });

  it('hurries in proportion, never beyond a quarter faster', () => {
    const slow = keepAtEdge(one, 9.6, 1) as { rate: number };
    const fast = keepAtEdge(one, 9.1, 1) as { rate: number };
    expect(slow.rate).toBeGreaterThan(1);
    expect(fast.rate).toBeGreaterThan(slow.rate);
    expect(fast.rate).toBeLessThanOrEqual(1.25);
    expect(keepAtEdge(one, 9.6, slow.rate)).toBeNull();
  });

  it('trims in large bites, behind the position only', () => {
    expect(trimTo([], 50, 20)).toBeNull();
    expect(trimTo(one, 9, 20)).toBeNull();
    expect(trimTo([{ start: 0, end: 40 }], 25, 20)).toBeNull();
    expect(trimTo([{ start: 0, end: 40 }], 39, 20)).toBe(19);
  });
});
