/** Everything the center says about sites and cameras, pushed over one WebSocket. */
import {
  socketUrl,
  type BeatEvent,
  type Camera,
  type DeskEvent,
  type Site,
  type StateEvent,
} from '../api/client';
import { Backoff } from './backoff';
import { changesBetween, type Change } from './changes';
import { ServerClock } from './server-clock';

const TICK_MS = 250;
const CHANGES_KEPT = 100;

export interface Noted extends Change {
  id: number;
  atMs: number;
}

export class Town {
  sites = $state.raw<Site[]>([]);
  cameras = $state.raw<Camera[]>([]);
  openViews = $state(0);
  /** Whether the first state has come: before, an empty town means nothing. */
  known = $state(false);
  /** The center is not heard for seconds: nothing on the page counts as live. */
  silent = $state(false);
  /** The center's unix milliseconds, four times a second. */
  now = $state(Date.now());
  ageMs = $state(0);
  lastHeardMs = $state(0);
  /** What has changed since this page was opened, newest first. */
  changes = $state.raw<Noted[]>([]);

  readonly clock = new ServerClock(() => Date.now());
  private readonly backoff = new Backoff(500, 5_000);
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly ticker: ReturnType<typeof setInterval>;
  private closed = false;
  private counter = 0;

  /** Told when something has happened at the desk. */
  onDesk: (event: DeskEvent) => void = () => undefined;

  /** `signedOut` is called when the center no longer knows who we are. */
  constructor(private readonly signedOut: () => Promise<boolean>) {
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearInterval(this.ticker);
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private connect(): void {
    const socket = new WebSocket(socketUrl('/api/events'));
    this.socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => this.told(event.data);
    socket.onclose = () => {
      if (this.closed || this.socket !== socket) return;
      this.clock.forget();
      this.timer = setTimeout(() => void this.again(), this.backoff.next());
    };
  }

  private async again(): Promise<void> {
    if (!(await this.signedOut()) && !this.closed) this.connect();
  }

  private told(text: string): void {
    let said: StateEvent | BeatEvent | DeskEvent;
    try {
      said = JSON.parse(text) as StateEvent | BeatEvent | DeskEvent;
    } catch {
      return;
    }
    if (said.type === 'beat') {
      this.backoff.reset();
      this.clock.heard(said.now_ms);
      this.openViews = said.open_views;
      this.tick();
    } else if (said.type === 'state') {
      this.take(said);
    } else if (said.type === 'desk') {
      this.onDesk(said);
    }
  }

  private take(state: StateEvent): void {
    const before = { sites: this.sites, cameras: this.cameras };
    if (this.known) this.note(changesBetween(before, state), state.now_ms);
    this.sites = state.sites;
    this.cameras = state.cameras;
    this.known = true;
  }

  private note(changes: Change[], atMs: number): void {
    if (changes.length === 0) return;
    const noted = changes.map((change) => ({ ...change, atMs, id: (this.counter += 1) }));
    this.changes = [...noted.reverse(), ...this.changes].slice(0, CHANGES_KEPT);
  }

  private tick(): void {
    this.now = this.clock.now();
    this.ageMs = this.clock.ageMs();
    const silent = this.clock.silent();
    if (silent !== this.silent) {
      this.note([{ kind: silent ? 'disconnected' : 'connected' }], this.now);
      this.lastHeardMs = this.clock.lastHeard();
      this.silent = silent;
      // A dead connection may not say so for minutes; begin a new one.
      if (silent) this.socket?.close();
    }
  }
}
