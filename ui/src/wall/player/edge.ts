/** Staying at the live edge: what to do with the playback position, decided from numbers only. */

/** How much is kept ahead of the shown picture. */
export const TARGET_S = 0.12;
const HURRY_S = 0.3;
const RELAX_S = 0.16;
const JUMP_S = 1;
const MAX_RATE = 1.25;

export interface Span {
  start: number;
  end: number;
}

export type Move = { to: number } | { rate: number };

/** `ranges`: what is buffered, in order. Null: leave everything as it is. */
export function keepAtEdge(ranges: readonly Span[], position: number, rate: number): Move | null {
  const last = ranges[ranges.length - 1];
  if (last === undefined) return null;
  const edge = Math.max(last.start, last.end - TARGET_S);
  // Before the newest range there is a gap that playback would never cross by itself.
  if (position < last.start || position > last.end + 0.5) return { to: edge };
  const ahead = last.end - position;
  if (ahead > JUMP_S) return { to: edge };
  if (ahead > HURRY_S) {
    const wanted = Math.min(MAX_RATE, 1 + (ahead - TARGET_S) * 0.35);
    return Math.abs(wanted - rate) > 0.02 ? { rate: wanted } : null;
  }
  if (rate !== 1 && ahead < RELAX_S) return { rate: 1 };
  return null;
}

/** How far from the start may be removed: everything older than `keepS` before the position. */
export function trimTo(ranges: readonly Span[], position: number, keepS: number): number | null {
  const first = ranges[0];
  if (first === undefined) return null;
  const cut = position - keepS;
  // Removing little by little would keep the decoder busy for nothing.
  return cut - first.start > keepS / 2 ? cut : null;
}
