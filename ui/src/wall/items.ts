/** What stands on the wall, and how it is divided into pages and rows. */
import type { Camera, Site } from '../api/client';

export type Waiting = Site['waiting'][number];
export type Item =
  | { key: string; camera: Camera }
  | { key: string; site: Site; waiting: Waiting };

export const LAYOUTS = [1, 4, 9, 16] as const;
export type Layout = (typeof LAYOUTS)[number];

export const byNumber = new Intl.Collator('id', { numeric: true });

/** Shared cameras by number, then what still waits for signatures. */
export function itemsOf(cameras: readonly Camera[], sites: readonly Site[]): Item[] {
  const shared = [...cameras]
    .sort((a, b) => byNumber.compare(a.number, b.number))
    .map((camera): Item => ({ key: camera.id, camera }));
  const waiting = sites.flatMap((site) =>
    site.waiting.map((one): Item => ({ key: `${site.id} ${one.agreement}`, site, waiting: one })),
  );
  return [...shared, ...waiting];
}

/** Those of `cameras` that are named, in the order of their names; one that is gone is left out. */
export function itemsNamed(ids: readonly string[], cameras: readonly Camera[]): Item[] {
  return ids.flatMap((id): Item[] => {
    const camera = cameras.find((one) => one.id === id);
    return camera === undefined ? [] : [{ key: id, camera }];
  });
}

export function defaultLayout(items: number): Layout {
  return items > 9 ? 16 : 9;
}

export function pagesOf(items: number, layout: number): number {
  return Math.max(1, Math.ceil(items / layout));
}

/** Where the status stands: in a column of its own, in the cells the tiles leave, or nowhere. */
export type StatusPlace = 'column' | 'cells' | 'none';

export interface Arrangement {
  columns: number;
  rows: number;
  /** Cells of the last row that no tile takes. */
  spare: number;
  status: StatusPlace;
}

const CAPTIONS_PX = 58;
const GAP_PX = 8;
const SHAPE = 16 / 9;
export const COLUMN_PX = 320;

/** Rows and columns for `count` of `layout` tiles in a room of `width` x `height` px; `wanted`:
 * what the person chose about the status, null for what leaves the pictures the best shape. */
export function arrange(
  layout: Layout,
  count: number,
  width: number,
  height: number,
  wanted: boolean | null,
): Arrangement {
  const columns = Math.sqrt(layout);
  // A page that is not full does not leave an empty row.
  const rows = Math.max(1, Math.min(columns, Math.ceil(count / columns)));
  const spare = rows * columns - count;
  const misfit = (room: number) => {
    const tile = (room - GAP_PX * (columns + 1)) / columns;
    const picture = (height - GAP_PX * (rows + 1)) / rows - CAPTIONS_PX;
    return Math.abs(Math.log(tile / Math.max(1, picture) / SHAPE));
  };
  const place = (): StatusPlace => {
    if (wanted === false || count === 0) return 'none';
    if (spare > 0 && rows > 1) return 'cells';
    return wanted === true || misfit(width - COLUMN_PX) <= misfit(width) ? 'column' : 'none';
  };
  return { columns, rows, spare, status: place() };
}
