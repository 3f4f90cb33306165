import { describe, expect, it } from 'vitest';
import type { Recordings } from '../api/client';
import { Times } from '../parts/time';
import { WORDS } from '../parts/words';
import { itemsIn } from './happened';
import { readWindow } from './window';

const CONFIG = { codec: 'avc1.64001f', record: 'AQ==', width: 64, height: 48 };

function unit(wallUs: number, key: boolean, shift = 0n): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 2);
  view.setUint8(1, key ? 1 : 0);
  view.setBigInt64(6, 900n + shift);
  view.setBigInt64(14, 900n);
  view.setBigUint64(22, BigInt(wallUs));
  return bytes;
}

function windowOf(nextUs: number, ...messages: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((sum, message) => sum + 4 + message.length, 8);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(nextUs));
  let at = 8;
  for (const message of messages) {
    view.setUint32(at, message.length);
    bytes.set(message, at + 4);
    at += 4 + message.length;
  }
  return bytes;
}

const config = new Uint8Array([1, ...new TextEncoder().encode(JSON.stringify(CONFIG))]);

describe('a window', () => {
  it('gives pictures with their moment and configuration', () => {
    const read = readWindow(windowOf(77, config, unit(1_795_430_400_000_001, true), unit(5, false, 9n)));
    expect(read?.nextUs).toBe(77);
    expect(read?.pictures.map(({ us, key }) => [us, key])).toEqual([
      [1_795_430_400_000_001, true],
      [105, false],
    ]);
    expect(read?.pictures[0]?.config).toEqual(CONFIG);
  });

  it('may hold nothing', () => {
    expect(readWindow(windowOf(0))).toEqual({ nextUs: 0, pictures: [] });
  });

  it('is refused when it is cut off, or a picture comes without a configuration', () => {
    const whole = windowOf(0, config, unit(1, true));
    for (const cut of [0, 7, 9, 20, whole.length - 1]) {
      expect(readWindow(whole.slice(0, cut))).toBeNull();
    }
    expect(readWindow(windowOf(0, unit(1, true)))).toBeNull();
    expect(readWindow(windowOf(0, new Uint8Array([1, 2, 3])))).not.toBeUndefined();
  });
});

describe('what happened', () => {
  it('names gaps with their cause, in order, and only of the span', () => {
    const recorded: Recordings = {
      agreement: '2026-03',
      spans: [],
      gaps: [
        { from_ms: 50_000, to_ms: 60_000, cause: 'camera not connected' },
        { from_ms: 10_000, to_ms: 20_000, cause: 'clock set back' },
        { from_ms: 900_000, to_ms: 901_000, cause: 'restart' },
      ],
    };
    const times = new Times(WORDS.en, 420);
    const span = { fromMs: 0, toMs: 100_000 };
    const found = itemsIn(span, recorded, [], [], WORDS.en, times);
    expect(found.map((item) => item.fromMs)).toEqual([10_000, 50_000]);
    expect(found[1]?.text).toContain(WORDS.en.playback.cause_camera);
  });
});
