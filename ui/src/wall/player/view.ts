/** One open view: asks for the session, has an engine that draws what its WebSocket brings. */
import { api, socketUrl, type Failure, type Session, type Stream } from '../../api/client';
import { Backoff } from '../../parts/backoff';
import type { By } from '../../parts/cause';
import type { Engine, MakeEngine } from './engine';
import { LagMeter, NO_LAG, type Lag } from './lag';
import type { Said } from './line';

export type Phase = 'asking' | 'opening' | 'playing' | 'again' | 'ended' | 'refused';

export interface Seen {
  phase: Phase;
  /** Why there is no picture: a reason code, '' while there is or may soon be one. */
  reason: string;
  failure: Failure | null;
  lag: Lag;
  element: HTMLElement | null;
  width: number;
  height: number;
  /** Which stream comes instead of the wanted one, '' when it is the wanted one. */
  reduced: Stream | '';
  /** When the session was opened, and when the view ended: unix milliseconds, 0 when not. */
  sinceMs: number;
  overMs: number;
}

export const NOT_SEEN: Seen = {
  phase: 'asking',
  reason: '',
  failure: null,
  lag: NO_LAG,
  element: null,
  width: 0,
  height: 0,
  reduced: '',
  sinceMs: 0,
  overMs: 0,
};

/** After this many WebSockets in vain the session itself is asked for again. */
const SOCKETS_A_SESSION = 3;
/** Every refusal is written down at the owner's; a change of the camera's state asks sooner. */
const REFUSED_AGAIN_MS = 60_000;

export class View {
  seen: Seen = NOT_SEEN;
  private readonly lag: LagMeter;
  private readonly backoff = new Backoff();
  private engine: Engine | null = null;
  /** Which of `engines` is in use. */
  private engineAt = 0;
  private linked = false;
  private session = '';
  private socketsInVain = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private readonly listeners = new Set<() => void>();

  /** `engines`: the preferred one first; where it cannot play the stream the next one tries.
   * `opened`: a session that is open already. */
  constructor(
    readonly camera: string,
    readonly stream: Stream,
    readonly purpose: string,
    readonly by: By,
    private readonly engines: readonly [MakeEngine, ...MakeEngine[]],
    private readonly serverNow: () => number,
    opened?: Session,
  ) {
    this.lag = new LagMeter(serverNow);
    if (opened === undefined) void this.ask();
    else this.opened(opened);
  }

  /** `listener` is called after every change of `seen`; the lag itself is read with `readLag`. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  readLag(): Lag {
    return this.lag.read();
  }

  /** The element moved in the page, or the page is visible again. */
  shownAgain(): void {
    this.engine?.shownAgain();
  }

  /** End the view: picture away first, then the session; resolved when the center has heard it. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.timer);
    this.dropPicture();
    this.listeners.clear();
    await this.giveBack();
  }

  private set(change: Partial<Seen>): void {
    this.seen = { ...this.seen, ...change };
    for (const listener of this.listeners) listener();
  }

  private async ask(): Promise<void> {
    const answer = await api.openSession(this.camera, this.purpose, this.stream, this.by);
    if ('failure' in answer) {
      if (this.stopped) return;
      this.refused(answer.failure);
      return;
    }
    this.opened(answer.ok);
  }

  private opened(session: Session): void {
    this.session = session.id;
    if (this.stopped) {
      void this.giveBack();
      return;
    }
    this.socketsInVain = 0;
    // The socket first: drawing the page anew takes longer than its way to the center.
    this.connect();
    this.set({ phase: 'opening', reason: '', failure: null, sinceMs: this.serverNow() });
  }

  private refused(failure: Failure): void {
    // 0 and 5xx are the network's or the center's doing: the picture, if any, grows late by itself.
    if (failure.status === 0 || failure.status >= 500) {
      this.set({ phase: 'again', failure });
    } else {
      this.dropPicture();
      const reason = failure.reason || (failure.kind === 'limit' ? 'limit' : 'unknown');
      this.over('refused', reason, failure);
      this.later(() => void this.ask(), REFUSED_AGAIN_MS);
      return;
    }
    this.later(() => void this.ask(), failure.status === 0 ? 0 : 2_000);
  }

  private connect(): void {
    if (this.engine === null) {
      const make = this.engines[this.engineAt] ?? this.engines[0];
      this.engine = make({
        shown: (capturedMs) => this.shown(capturedMs),
        failed: (_, fatal) => this.engineFailed(fatal),
        said: (said) => this.told(said),
        closed: () => this.lostLine(),
      });
    }
    const path = `/api/sessions/${encodeURIComponent(this.session)}/live`;
    this.engine.open(socketUrl(`${path}?format=${this.engine.format}`));
    this.linked = true;
    // In the page before its first picture: what is nowhere is not drawn.
    const { element } = this.engine;
    if (this.seen.element !== element || this.seen.reduced !== '') {
      this.set({ element, reduced: '' });
    }
  }

  private told(said: Said): void {
    if (typeof said.ended === 'string') {
      this.ended(said.ended);
    } else if (said.reduced === '' || said.reduced === 'sub') {
      this.set({ reduced: said.reduced });
    } else if (typeof said.codec === 'string') {
      const { width = 0, height = 0 } = said;
      this.set({ width, height });
    }
  }

  private shown(capturedMs: number): void {
    this.lag.shown(capturedMs);
    if (this.seen.phase === 'playing' || !this.linked) return;
    this.backoff.reset();
    this.socketsInVain = 0;
    this.set({ phase: 'playing', reason: '', overMs: 0 });
  }

  private over(phase: 'ended' | 'refused', reason: string, failure: Failure | null): void {
    // Asking again and being refused again is still the same end.
    const overMs = this.seen.overMs > 0 ? this.seen.overMs : this.serverNow();
    this.set({ phase, reason, failure, overMs });
  }

  private ended(reason: string): void {
    this.dropPicture();
    this.session = '';
    this.over('ended', reason, null);
    this.later(() => void this.ask(), 2_000);
  }

  private lostLine(): void {
    this.linked = false;
    this.socketsInVain += 1;
    this.set({ phase: 'again' });
    const anew = this.socketsInVain >= SOCKETS_A_SESSION;
    this.later(() => {
      if (anew) {
        this.giveBack();
        void this.ask();
      } else {
        this.connect();
      }
    }, 0);
  }

  private engineFailed(fatal: boolean): void {
    this.dropPicture();
    if (fatal && this.engineAt + 1 < this.engines.length) {
      this.engineAt += 1;
      this.connect();
      return;
    }
    void this.giveBack();
    if (fatal) {
      this.over('refused', 'unsupported', null);
      return;
    }
    this.set({ phase: 'again' });
    this.later(() => void this.ask(), 0);
  }

  private later(work: () => void, atLeastMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => {
        if (!this.stopped) work();
      },
      Math.max(atLeastMs, this.backoff.next()),
    );
  }

  private dropPicture(): void {
    this.engine?.destroy();
    this.engine = null;
    this.linked = false;
    this.lag.clear();
    if (this.seen.element !== null) this.set({ element: null });
  }

  private async giveBack(): Promise<void> {
    const { session } = this;
    this.session = '';
    if (session !== '') await api.closeSession(session);
  }
}
