/** A view for as long as a component wants it, and what it looks like right now. */
import type { Stream } from '../api/client';
import { house } from '../parts/context';
import { NO_LAG, type Lag } from './player/lag';
import { NOT_SEEN, type Seen, type View } from './player/view';

interface Wish {
  camera: string;
  stream: Stream;
  purpose: string;
}

export class Watching {
  seen = $state.raw<Seen>(NOT_SEEN);
  lag = $state.raw<Lag>(NO_LAG);

  /** `wish`: what to watch, null for nothing; read again whenever it changes. */
  constructor(wish: () => Wish | null) {
    const { town, pool, grounds } = house();
    const wanted = $derived(wish());
    // Keyed by its parts, for every state brings new objects that say the same.
    const camera = $derived(wanted?.camera ?? '');
    const stream = $derived(wanted?.stream ?? 'sub');
    const purpose = $derived(wanted?.purpose ?? '');
    const incident = $derived(grounds.of(camera).incident);
    const act = $derived(grounds.of(camera).act);
    let view: View | null = null;
    // Before the page is changed: the question is on its way while the tile is being drawn.
    $effect.pre(() => {
      if (camera === '') {
        this.seen = NOT_SEEN;
        return;
      }
      const taken = pool.take(camera, stream, purpose, { incident, act });
      view = taken;
      const read = () => {
        this.seen = taken.seen;
        this.lag = taken.readLag();
      };
      read();
      const unlisten = taken.listen(read);
      return () => {
        unlisten();
        view = null;
        pool.release(taken);
        this.seen = NOT_SEEN;
      };
    });
    $effect(() => {
      void town.now;
      if (view !== null) this.lag = view.readLag();
    });
  }
}

/** Puts the engine's element into its place, and out of it. */
export function place(node: HTMLElement, element: HTMLElement | null) {
  let current: HTMLElement | null = null;
  const put = (next: HTMLElement | null) => {
    if (current !== null && current !== next && current.parentElement === node) current.remove();
    current = next;
    if (next !== null && next.parentElement !== node) {
      node.append(next);
      // Moving an element pauses it.
      if (next instanceof HTMLVideoElement) void next.play().catch(() => undefined);
    }
  };
  put(element);
  return { update: put, destroy: () => put(null) };
}
