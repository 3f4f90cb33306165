import { describe, expect, it } from 'vitest';
import {
  BACKLOG_AT_KEY,
  BACKLOG_MAX,
  FIRST_PATIENCE_MS,
  Gate,
  Newest,
  PATIENCE_MS,
  readUnit,
  type Unit,
} from './units';

const CAPTURED_US = 1_795_432_812_340_123n;

interface Wire {
  kind?: number;
  flags?: number;
  sequence?: number;
  pts?: bigint;
  dts?: bigint;
  wallUs?: bigint;
  picture?: number[];
}

/** A units message as media/wire.py builds it. */
function message(of: Wire = {}): Uint8Array<ArrayBuffer> {
  const picture = of.picture ?? [0, 0, 0, 1, 9];
  const bytes = new Uint8Array(30 + picture.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, of.kind ?? 2);
  view.setUint8(1, of.flags ?? 1);
  view.setUint32(2, of.sequence ?? 7);
  view.setBigInt64(6, of.pts ?? 90_000n);
  view.setBigInt64(14, of.dts ?? 90_000n);
  view.setBigUint64(22, of.wallUs ?? CAPTURED_US);
  bytes.set(picture, 30);
  return bytes;
}

function unit(sequence: number, change: Partial<Unit> = {}): Unit {
  return {
    key: false,
    sequence,
    shownUs: sequence * 40_000,
    delayUs: 0,
    capturedMs: 1_000 + sequence,
    picture: new Uint8Array(1),
    ...change,
  };
}

describe('a units message', () => {
  it('carries one picture and its times', () => {
    expect(readUnit(message({ sequence: 0xffffffff }))).toEqual({
      key: true,
      sequence: 0xffffffff,
      shownUs: 1_000_000,
      delayUs: 0,
      capturedMs: 1_795_432_812_340.123,
      picture: new Uint8Array([0, 0, 0, 1, 9]),
    });
  });

  it('is read at any place of a larger buffer', () => {
    const bytes = new Uint8Array([1, 2, 3, ...message({ flags: 0, pts: -3n })]);
    expect(readUnit(bytes.subarray(3))).toMatchObject({ key: false, shownUs: -33 });
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['a head without a picture', message({ picture: [] })],
    ['a torn head', message().subarray(0, 29)],
    ['a configuration', message({ kind: 1 })],
    ['unknown flags', message({ flags: 3 })],
    ['a negative decoding time', message({ dts: -1n })],
    ['a time beyond all clocks', message({ pts: 2n ** 62n })],
    ['a time before all clocks', message({ pts: -(2n ** 62n) })],
    ['a wall clock beyond all years', message({ wallUs: 2n ** 63n })],
  ])('%s is none', (_, bytes) => expect(readUnit(bytes as Uint8Array<ArrayBuffer>)).toBeNull());
});

describe('the gate in front of the decoder', () => {
  const opened = () => {
    const gate = new Gate();
    expect(gate.judge(unit(5, { key: true }), 0)).toBe('begin');
    return gate;
  };

  it('begins with a key frame and with nothing else', () => {
    const gate = new Gate();
    expect(gate.judge(unit(4), 0)).toBe('skip');
    expect(gate.judge(unit(5, { key: true }), 0)).toBe('begin');
    expect(gate.judge(unit(6), 0)).toBe('decode');
    expect(gate.judge(unit(7, { key: true }), 0)).toBe('decode');
  });

  it('lets nothing through after a lost unit, up to the next key frame', () => {
    const gate = opened();
    expect(gate.judge(unit(7), 0)).toBe('skip');
    expect(gate.judge(unit(8), 0)).toBe('skip');
    expect(gate.judge(unit(9, { key: true }), 0)).toBe('decode');
    expect(gate.judge(unit(10), 0)).toBe('decode');
  });

  it('takes a unit said twice for a loss, never for a picture', () => {
    const gate = opened();
    expect(gate.judge(unit(6), 0)).toBe('decode');
    expect(gate.judge(unit(6), 0)).toBe('skip');
  });

  it('counts beyond 32 bits', () => {
    const gate = new Gate();
    expect(gate.judge(unit(0xffffffff, { key: true }), 0)).toBe('begin');
    expect(gate.judge(unit(0), 0)).toBe('decode');
    expect(gate.judge(unit(1), 0)).toBe('decode');
  });

  it('leaves what waits behind at a key frame, when there is much of it', () => {
    const gate = opened();
    expect(gate.judge(unit(6), BACKLOG_AT_KEY + 1)).toBe('decode');
    expect(gate.judge(unit(7, { key: true }), BACKLOG_AT_KEY)).toBe('decode');
    expect(gate.judge(unit(8, { key: true }), BACKLOG_AT_KEY + 1)).toBe('begin');
  });

  it('never queues without a bound', () => {
    const gate = opened();
    expect(gate.judge(unit(6), BACKLOG_MAX + 1)).toBe('skip');
    expect(gate.judge(unit(7), 0)).toBe('skip');
  });

  it('renewed, it asks for a fresh decoder; torn, only for a key frame', () => {
    const gate = opened();
    gate.tear();
    expect(gate.judge(unit(6), 0)).toBe('skip');
    expect(gate.judge(unit(7, { key: true }), 0)).toBe('decode');
    gate.renew();
    gate.tear();
    expect(gate.judge(unit(8, { key: true }), 0)).toBe('begin');
  });
});

describe('the frame to draw', () => {
  it('is the newest: while units wait, none is drawn', () => {
    const newest = new Newest();
    for (const n of [1, 2, 3]) newest.expect(unit(n), 0);
    expect(newest.choose(40_000, 2, 1)).toBeNull();
    expect(newest.choose(80_000, 1, 2)).toBeNull();
    expect(newest.choose(120_000, 0, 3)).toBe(1_003);
  });

  it('keeps the order of showing and the capture time of each, whatever order they were sent in', () => {
    const newest = new Newest();
    for (const n of [0, 3, 1, 2]) newest.expect(unit(n), 0);
    const drawn = [0, 1, 2, 3].map((n) => newest.choose(n * 40_000, 0, n));
    expect(drawn).toEqual([1_000, 1_001, 1_002, 1_003]);
  });

  it('is never an older one than the one on screen, nor one nobody asked for', () => {
    const newest = new Newest();
    for (const n of [1, 2]) newest.expect(unit(n), 0);
    expect(newest.choose(80_000, 0, 1)).toBe(1_002);
    newest.expect(unit(1), 2);
    expect(newest.choose(40_000, 0, 2)).toBeNull();
    expect(newest.choose(999, 0, 2)).toBeNull();
  });

  it('comes now and then even when the decoder never catches up', () => {
    const newest = new Newest();
    const shown = (n: number, ms: number) => newest.choose(n * 40_000, 50, ms);
    for (const n of [1, 2, 3, 4, 5]) newest.expect(unit(n), 0);
    expect(shown(1, FIRST_PATIENCE_MS - 1)).toBeNull();
    expect(shown(2, FIRST_PATIENCE_MS)).toBe(1_002);
    expect(shown(3, FIRST_PATIENCE_MS + PATIENCE_MS - 1)).toBeNull();
    expect(shown(4, FIRST_PATIENCE_MS + PATIENCE_MS)).toBe(1_004);
    newest.clear();
    newest.expect(unit(1), 0);
    expect(shown(1, PATIENCE_MS)).toBe(1_001);
  });

  it('may be of an earlier time after a new beginning', () => {
    const newest = new Newest();
    newest.expect(unit(9), 0);
    expect(newest.choose(360_000, 0, 1)).toBe(1_009);
    newest.clear();
    expect(newest.choose(360_000, 0, 1)).toBeNull();
    newest.expect(unit(1), 2);
    expect(newest.choose(40_000, 0, 2)).toBe(1_001);
  });

  it('forgets pictures that a decoder swallows', () => {
    const newest = new Newest();
    for (let n = 0; n <= BACKLOG_MAX; n += 1) newest.expect(unit(n), 0);
    expect(newest.choose(0, 0, 1)).toBeNull();
    expect(newest.choose(40_000, 0, 1)).toBe(1_001);
  });
});
