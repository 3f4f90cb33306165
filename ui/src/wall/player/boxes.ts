/** The few ISO BMFF boxes the player must read itself. Times are in 90 kHz, the wire's only scale. */

export const TIMESCALE = 90_000;
const NTP_EPOCH_S = 2_208_988_800;

export interface Fragment {
  /** When the picture was captured, unix milliseconds; 0 when the fragment does not say. */
  capturedMs: number;
  /** When the picture is shown, seconds on the stream's own timeline. */
  mediaS: number;
  /** When it is decoded, the same timeline: what MediaSource places the fragment by. */
  decodeS: number;
}

interface Box {
  type: string;
  start: number;
  end: number;
}

function boxesIn(view: DataView, from: number, to: number): Box[] {
  const found: Box[] = [];
  let at = from;
  while (at + 8 <= to) {
    let size = view.getUint32(at);
    let head = 8;
    const type = String.fromCharCode(
      view.getUint8(at + 4),
      view.getUint8(at + 5),
      view.getUint8(at + 6),
      view.getUint8(at + 7),
    );
    if (size === 1 && at + 16 <= to) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    } else if (size === 0) {
      size = to - at;
    }
    if (size < head || at + size > to) return found;
    found.push({ type, start: at + head, end: at + size });
    at += size;
  }
  return found;
}

function ntpToUnixMs(view: DataView, at: number): number {
  return (view.getUint32(at) - NTP_EPOCH_S) * 1000 + (view.getUint32(at + 4) * 1000) / 2 ** 32;
}

function wide(view: DataView, version: number, at: number): number {
  return version === 1 ? Number(view.getBigUint64(at)) : view.getUint32(at);
}

function decodeTime(view: DataView, moof: Box): number | null {
  for (const traf of boxesIn(view, moof.start, moof.end)) {
    if (traf.type !== 'traf') continue;
    for (const box of boxesIn(view, traf.start, traf.end)) {
      if (box.type !== 'tfdt' || box.end - box.start < 8) continue;
      const version = view.getUint8(box.start);
      if (version === 1 && box.end - box.start < 12) continue;
      return wide(view, version, box.start + 4);
    }
  }
  return null;
}

/** Read `[prft] moof mdat`; null for anything else, an initialisation segment among it. */
export function readFragment(bytes: Uint8Array): Fragment | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let capturedMs = 0;
  let media: number | null = null;
  let decode: number | null = null;
  for (const box of boxesIn(view, 0, view.byteLength)) {
    if (box.type === 'prft' && box.end - box.start >= 20) {
      const version = view.getUint8(box.start);
      capturedMs = ntpToUnixMs(view, box.start + 8);
      if (version === 0 || box.end - box.start >= 24) media = wide(view, version, box.start + 16);
    } else if (box.type === 'moof') {
      decode = decodeTime(view, box);
    }
  }
  if (decode === null) return null;
  return { capturedMs, mediaS: (media ?? decode) / TIMESCALE, decodeS: decode / TIMESCALE };
}
