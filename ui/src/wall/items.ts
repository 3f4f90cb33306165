/** What stands on the wall, and how it is divided into pages and rows. */
import type { Camera, Site } from '../api/client';

export type Waiting = Site['waiting'][number];
export type Item =
  | { key: string; camera: Camera }
  | { key: string; site: Site; waiting: Waiting };

export const LAYOUTS = [1, 4, 9, 16] as const;
export type Layout = (typeof LAYOUTS)[number];

const byNumber = new Intl.Collator('id', { numeric: true });

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

export function defaultLayout(items: number): Layout {
  return items > 9 ? 16 : 9;
}

export function pagesOf(items: number, layout: number): number {
  return Math.max(1, Math.ceil(items / layout));
}

export interface Arrangement {
  columns: number;
  rows: number;
  /** Whether the status column is there: where it leaves the pictures a better shape. */
  aside: boolean;
}

const CAPTIONS_PX = 58;
const GAP_PX = 8;
const SHAPE = 16 / 9;
export const ASIDE_PX = 320;

/** Rows and columns for `count` of `layout` tiles in a room of `width` x `height` px. */
export function arrange(
  layout: Layout,
  count: number,
  width: number,
  height: number,
  aside: boolean | null,
): Arrangement {
  const columns = Math.sqrt(layout);
  // A page that is not full does not leave an empty row.
  const rows = Math.max(1, Math.min(columns, Math.ceil(count / columns)));
  const misfit = (room: number) => {
    const tile = (room - GAP_PX * (columns + 1)) / columns;
    const picture = (height - GAP_PX * (rows + 1)) / rows - CAPTIONS_PX;
    return Math.abs(Math.log(tile / Math.max(1, picture) / SHAPE));
  };
  const better = misfit(width - ASIDE_PX) <= misfit(width);
  return { columns, rows, aside: aside ?? better };
}
