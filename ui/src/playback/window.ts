/** One window of recorded pictures, as the center passes it on: where to go on, then messages. */
import { readUnit } from '../wall/player/units';
import type { StreamConfig } from '../wall/player/engine';

const CONFIG = 0x01;
const HEAD_BYTES = 8;
const LENGTH_BYTES = 4;

/** An encoded picture and the configuration it is decoded with. */
export interface Recorded {
  config: StreamConfig;
  key: boolean;
  /** When it is shown, unix microseconds; names the picture. */
  us: number;
  /** When it came from the camera, unix microseconds: rises from picture to picture. */
  sentUs: number;
  picture: Uint8Array<ArrayBuffer>;
}

export interface Window {
  /** Where the next window begins, unix microseconds, 0 at the end. */
  nextUs: number;
  pictures: Recorded[];
}

/** Read a window; null for anything else. */
export function readWindow(bytes: Uint8Array<ArrayBuffer>): Window | null {
  if (bytes.byteLength < HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pictures: Recorded[] = [];
  let config: StreamConfig | null = null;
  let at = HEAD_BYTES;
  while (at < bytes.byteLength) {
    if (at + LENGTH_BYTES > bytes.byteLength) return null;
    const end = at + LENGTH_BYTES + view.getUint32(at);
    const message = bytes.subarray(at + LENGTH_BYTES, end);
    if (end > bytes.byteLength || message.byteLength === 0) return null;
    at = end;
    if (message[0] === CONFIG) {
      config = configIn(message.subarray(1));
      continue;
    }
    const unit = readUnit(message);
    if (unit === null || config === null) return null;
    // What the camera shows later than it sends it (B-frames) is shown that much later here too.
    const sentUs = Math.round(unit.capturedMs * 1000);
    const us = sentUs + unit.delayUs;
    pictures.push({ config, key: unit.key, us, sentUs, picture: unit.picture });
  }
  return { nextUs: Number(view.getBigUint64(0)), pictures };
}

function configIn(raw: Uint8Array<ArrayBuffer>): StreamConfig | null {
  try {
    return JSON.parse(new TextDecoder().decode(raw)) as StreamConfig;
  } catch {
    return null;
  }
}
