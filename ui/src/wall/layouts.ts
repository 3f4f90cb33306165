/** Saved layouts: which one the wall was asked for, and the cameras of one as people name them. */
import type { Camera, Layout, SavedWalls } from '../api/client';
import { LAYOUTS, type Layout as Tiles } from './items';

export const MONITORS = 16;
export const CAMERAS = 64;
/** Seconds until the next page comes by itself; 0: somebody turns it. */
export const TURNS = [0, 10, 20, 30, 60, 120, 300] as const;

/** The monitor that an address is, 0 for any other address. */
export function monitorOf(path: string): number {
  const number = Number(/^\/monitor\/([1-9][0-9]?)$/.exec(path)?.[1] ?? 0);
  return number <= MONITORS ? number : 0;
}

/** As many tiles as `count` cameras need. */
export function tilesFor(count: number): Tiles {
  return LAYOUTS.find((tiles) => tiles >= count) ?? 16;
}

/** The id of the layout that an address names, '' for none. */
export function layoutAsked(query: string): string {
  return new URLSearchParams(query).get('layout') ?? '';
}

/** What a monitor shows; null for nothing. */
export function onMonitor(walls: SavedWalls, monitor: number): Layout | null {
  const shown = walls.monitors.find(({ number }) => number === monitor)?.layout;
  return walls.layouts.find(({ id }) => id === shown) ?? null;
}

/** Cameras as a person writes them, `147 148, 151`; what is none of ours is `unknown`. */
export function camerasNamed(
  text: string,
  cameras: readonly Camera[],
): { ids: string[]; unknown: string[] } {
  const ids = new Set<string>();
  const unknown: string[] = [];
  for (const number of text.split(/[\s,;]+/).filter((one) => one !== '')) {
    const camera = cameras.find((one) => one.number === number);
    if (camera === undefined) unknown.push(number);
    else ids.add(camera.id);
  }
  return { ids: [...ids], unknown };
}

/** The other way; one that is not shared any more is left out. */
export function numbersOf(ids: readonly string[], cameras: readonly Camera[]): string {
  return ids
    .flatMap((id) => cameras.find((one) => one.id === id)?.number ?? [])
    .join(' ');
}
