/** The units message of the wire: one encoded picture with its times, and which may be decoded. */

/** `0x02, flags, sequence u32, pts i64, dts i64, wall u64`, big-endian, then the picture. */
const UNIT = 0x02;
const KEY = 0x01;
const HEAD_BYTES = 30;
/** Beyond it a time is nonsense, and a number could not hold it to the tick. */
const TIME_MAX = BigInt(Number.MAX_SAFE_INTEGER);

export interface Unit {
  key: boolean;
  /** Counts the messages of one stream from a random start, modulo 2^32. */
  sequence: number;
  /** When it is shown, microseconds on the stream's own timeline. */
  shownUs: number;
  /** How much later it is shown than it is decoded, microseconds. */
  delayUs: number;
  /** When it arrived at the owner's box, unix milliseconds. */
  capturedMs: number;
  /** NAL units, each behind its length. */
  picture: Uint8Array<ArrayBuffer>;
}

/** Read one units message; null for anything else. */
export function readUnit(bytes: Uint8Array<ArrayBuffer>): Unit | null {
  if (bytes.byteLength <= HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(1);
  const pts = view.getBigInt64(6);
  const dts = view.getBigInt64(14);
  const wallUs = view.getBigUint64(22);
  if (view.getUint8(0) !== UNIT || (flags & ~KEY) !== 0) return null;
  if (pts > TIME_MAX || pts < -TIME_MAX || dts < 0n || wallUs > TIME_MAX) return null;
  return {
    key: (flags & KEY) !== 0,
    sequence: view.getUint32(2),
    shownUs: Math.round((Number(pts) * 100) / 9),
    delayUs: Math.round((Number(pts - dts) * 100) / 9),
    capturedMs: Number(wallUs) / 1000,
    picture: bytes.subarray(HEAD_BYTES),
  };
}

/** What to do with a unit: decode it, begin a fresh decoder with it, or leave it out. */
export type Verdict = 'decode' | 'begin' | 'skip';

/** More than this waiting at a key frame: what waits is old, the key frame is the way ahead. */
export const BACKLOG_AT_KEY = 8;
/** More than the longest prelude a center sends: the decoder does not keep up at all. */
export const BACKLOG_MAX = 640;

/** Lets nothing through whose reference is missing, so that a decoder never shows garbage. */
export class Gate {
  private state: 'fresh' | 'torn' | 'whole' = 'fresh';
  private next = 0;

  /** The decoder must begin afresh, at the next key frame. */
  renew(): void {
    this.state = 'fresh';
  }

  /** Something is missing: nothing is decoded up to the next key frame. */
  tear(): void {
    if (this.state === 'whole') this.state = 'torn';
  }

  /** `backlog`: how many units wait in front of the decoder. */
  judge(unit: Unit, backlog: number): Verdict {
    if (unit.key) {
      const begin = this.state === 'fresh' || backlog > BACKLOG_AT_KEY;
      this.state = 'whole';
      this.next = (unit.sequence + 1) >>> 0;
      return begin ? 'begin' : 'decode';
    }
    if (this.state === 'whole' && (unit.sequence !== this.next || backlog > BACKLOG_MAX)) {
      this.tear();
    }
    if (this.state !== 'whole') return 'skip';
    this.next = (this.next + 1) >>> 0;
    return 'decode';
  }
}

/** A decoder that never catches up still shows a picture this often, */
export const PATIENCE_MS = 400;
/** and its first one after this: until then the small picture on top of it is the newer one. */
export const FIRST_PATIENCE_MS = 2_000;

/** Which decoded frame is worth drawing: the newest one, in the order of showing. */
export class Newest {
  private readonly captured = new Map<number, number>();
  private drawnUs = -Infinity;
  private drawnAtMs: number | null = null;
  private joined = false;

  /** A new timeline begins. */
  clear(): void {
    this.captured.clear();
    this.drawnUs = -Infinity;
    this.drawnAtMs = null;
  }

  /** A unit goes to the decoder at `nowMs` (any clock that only runs forward). */
  expect(unit: Unit, nowMs: number): void {
    this.drawnAtMs ??= nowMs;
    this.captured.set(unit.shownUs, unit.capturedMs);
    if (this.captured.size > BACKLOG_MAX) {
      for (const oldest of this.captured.keys()) return void this.captured.delete(oldest);
    }
  }

  /** Capture time of a frame that is to be drawn now, null for one to throw away. `backlog`: how
   * many units still wait: while there are any, a newer frame is near. */
  choose(shownUs: number, backlog: number, nowMs: number): number | null {
    const capturedMs = this.captured.get(shownUs);
    if (capturedMs === undefined) return null;
    // What lies before it in the order of showing is decoded already, or never will be.
    for (const us of this.captured.keys()) if (us <= shownUs) this.captured.delete(us);
    const waited = nowMs - (this.drawnAtMs ?? nowMs);
    const patience = this.joined ? PATIENCE_MS : FIRST_PATIENCE_MS;
    if (shownUs <= this.drawnUs || (backlog > 0 && waited < patience)) return null;
    this.joined = true;
    this.drawnUs = shownUs;
    this.drawnAtMs = nowMs;
    return capturedMs;
  }
}

/** Base64 to bytes, null for what is not base64. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
