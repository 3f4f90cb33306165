/** Views that tiles share: a tile that comes back within seconds finds its picture still there. */
import type { Stream } from '../../api/client';
import type { By } from '../../parts/cause';
import type { View } from './view';

/** Enlarging and going back, or turning a page, must not close and open a view. */
const LINGER_MS = 6_000;

export class ViewPool {
  private readonly open = new Map<string, { view: View; users: number; timer?: number }>();

  constructor(
    private readonly make: (camera: string, stream: Stream, purpose: string, by: By) => View,
  ) {}

  /** The view, opened when it is not open yet. Give it back with `release`. */
  take(camera: string, stream: Stream, purpose: string, by: By): View {
    const key = keyOf({ camera, stream, purpose, by });
    let entry = this.open.get(key);
    if (entry === undefined) {
      entry = { view: this.make(camera, stream, purpose, by), users: 0 };
      this.open.set(key, entry);
    }
    clearTimeout(entry.timer);
    entry.users += 1;
    return entry.view;
  }

  release(view: View): void {
    const key = keyOf(view);
    const entry = this.open.get(key);
    if (entry === undefined || entry.view !== view) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    // Main streams are dear for everybody; they go at once.
    const wait = view.stream === 'main' ? 0 : LINGER_MS;
    entry.timer = window.setTimeout(() => void this.end(key), wait);
  }

  /** The camera may not be watched any more: every picture of it goes now. */
  drop(camera: string): void {
    for (const [key, { view }] of this.open) if (view.camera === camera) void this.end(key);
  }

  /** The page goes away or somebody signs out; resolved when the center has heard of all. */
  async dropAll(): Promise<void> {
    await Promise.all([...this.open.keys()].map((key) => this.end(key)));
  }

  each(work: (view: View) => void): void {
    for (const { view } of this.open.values()) work(view);
  }

  private async end(key: string): Promise<void> {
    const entry = this.open.get(key);
    this.open.delete(key);
    clearTimeout(entry?.timer);
    await entry?.view.stop();
  }
}

function keyOf({ camera, stream, purpose, by }: Pick<View, 'camera' | 'stream' | 'purpose' | 'by'>) {
  return [camera, stream, purpose, by.incident, by.act].join('/');
}
