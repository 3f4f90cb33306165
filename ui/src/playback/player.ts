/** One camera's recording: asks for the session, pulls windows, keeps the moment that is shown.
 *
 * Pulling is the backpressure: the next window is asked for when little waits. */
import { api, socketUrl, type Failure } from '../api/client';
import { drawOn } from '../wall/player/draw';
import { Shower } from './shower';
import { readWindow } from './window';

export type Phase =
  | 'idle'
  | 'seeking'
  | 'paused'
  | 'playing'
  | 'ended'
  | 'empty'
  | 'offline'
  | 'refused'
  | 'unsupported';

export interface State {
  phase: Phase;
  /** Why it is refused, '' otherwise. */
  reason: string;
  /** The moment of the picture that is shown, unix milliseconds, 0 for none. */
  atMs: number;
  speed: number;
  /** What was passed over because nothing was recorded there, null for nothing. */
  skipped: { fromMs: number; toMs: number } | null;
  width: number;
  height: number;
}

export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const;
/** From this speed on only key pictures are asked for. */
export const KEYS_FROM = 8;
/** How far a session reaches before and after the moment that was asked for. */
const BEFORE_MS = 120_000;
const AFTER_MS = 900_000;
/** The owner's clock and the center's need not agree to the tick. */
const NOW_MS = 1_500;
const WAITING_MIN = 60;
/** Nothing for this long is a gap, and never shown as footage. */
const GAP_US = 1_000_000;
const AGAIN_MS = 2_000;
/** How long it is said that something was passed over. */
const TOLD_MS = 4_000;

export class Player {
  state: State = {
    phase: 'idle',
    reason: '',
    atMs: 0,
    speed: 1,
    skipped: null,
    width: 0,
    height: 0,
  };
  private readonly shower: Shower;
  private readonly context: CanvasRenderingContext2D | null;
  private socket: WebSocket | null = null;
  private session = '';
  private range = { fromMs: 0, toMs: 0 };
  private asking = 0;
  private pulls = 0;
  /** Answers to pulls of before the last seek, which are thrown away. */
  private stale = 0;
  private nextUs = 0;
  private whenFound: 'paused' | 'playing' = 'paused';
  private atUs = 0;
  private tickedMs = 0;
  /** The next picture is wanted as soon as it is decoded. */
  private stepping = false;
  private frame = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private over = false;

  constructor(
    private readonly camera: string,
    private readonly purpose: string,
    private readonly incident: string,
    private readonly canvas: HTMLCanvasElement,
    private readonly serverNow: () => number,
    private readonly changed: (state: State) => void,
  ) {
    this.context = canvas.getContext('2d', { alpha: false });
    this.shower = new Shower({
      draw: (frame) => this.draw(frame),
      found: (us) => this.found(us),
      failed: () => this.fail('unsupported', ''),
    });
    if (!('VideoDecoder' in globalThis) || this.context === null) this.fail('unsupported', '');
  }

  /** Show the picture at `ms`, then stand still or play on. */
  seek(ms: number, then: 'paused' | 'playing' = this.standing()): void {
    if (this.over || this.state.phase === 'unsupported') return;
    const wantedMs = Math.max(1, Math.min(ms, this.serverNow() - NOW_MS));
    clearTimeout(this.timer);
    this.whenFound = then;
    this.atUs = Math.round(wantedMs * 1000);
    this.shower.seek(this.atUs);
    this.stepping = false;
    this.stale = this.pulls;
    this.nextUs = 0;
    this.set({ phase: 'seeking', reason: '', skipped: null });
    this.tick();
    const { fromMs, toMs } = this.range;
    const within = wantedMs >= fromMs && wantedMs < toMs - NOW_MS;
    if (within && this.socket?.readyState === WebSocket.OPEN) this.pull(this.atUs, 'seek');
    else if (!within || this.session === '') void this.open(wantedMs);
    else if (this.socket === null) this.connect();
  }

  play(): void {
    if (this.state.phase === 'paused') {
      this.tickedMs = performance.now();
      this.stepping = false;
      this.set({ phase: 'playing', skipped: null });
      this.tick();
    } else if (this.state.phase === 'seeking') {
      this.whenFound = 'playing';
    }
  }

  pause(): void {
    this.whenFound = 'paused';
    if (this.state.phase === 'playing') this.set({ phase: 'paused', skipped: null });
  }

  setSpeed(speed: number): void {
    const other = speed >= KEYS_FROM !== this.state.speed >= KEYS_FROM;
    this.set({ speed });
    // Other pictures are wanted from here on.
    if (other && this.state.atMs > 0) this.seek(this.state.atMs);
  }

  /** The very next picture, or the one before. */
  step(by: 1 | -1): void {
    if (this.state.phase === 'playing') this.pause();
    if (this.state.phase !== 'paused') return;
    if (by < 0) {
      // From the picture that is shown: the clock of what was playing is a little ahead of it.
      this.seek(this.state.atMs - 0.001, 'paused');
      return;
    }
    const next = this.shower.next();
    this.stepping = next === null && !this.shower.empty;
    if (next !== null) this.moved(this.shower.show(next));
    this.feed();
    this.tick();
  }

  /** Take the picture away and give the session back. */
  async stop(): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.hide();
    await this.giveBack();
  }

  private standing(): 'paused' | 'playing' {
    if (this.state.phase === 'seeking') return this.whenFound;
    return this.state.phase === 'playing' ? 'playing' : 'paused';
  }

  private set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    this.changed(this.state);
  }

  /** A new session around `ms`; the one before is given back. */
  private async open(ms: number): Promise<void> {
    const turn = ++this.asking;
    await this.giveBack();
    const nowMs = Math.floor(this.serverNow()) - NOW_MS / 3;
    const fromMs = Math.max(1, Math.floor(ms) - BEFORE_MS);
    const toMs = Math.max(fromMs + 1, Math.min(Math.floor(nowMs), Math.floor(ms) + AFTER_MS));
    const answer = await api.openPlayback(
      this.camera,
      this.purpose,
      this.incident,
      fromMs,
      toMs,
    );
    if ('failure' in answer) {
      if (turn === this.asking && !this.over) this.refused(answer.failure);
      return;
    }
    if (turn !== this.asking || this.over) {
      void api.closeSession(answer.ok.id);
      return;
    }
    this.session = answer.ok.id;
    this.range = { fromMs, toMs };
    this.connect();
  }

  private refused(failure: Failure): void {
    if (failure.status === 0 || failure.status >= 500) this.fail('offline', '');
    else this.fail('refused', failure.reason || failure.kind || 'unknown');
    if (this.state.phase === 'offline') this.again();
  }

  private connect(): void {
    const path = `/api/sessions/${encodeURIComponent(this.session)}/windows`;
    const socket = new WebSocket(socketUrl(path));
    socket.binaryType = 'arraybuffer';
    this.pulls = this.stale = 0;
    socket.onopen = () => {
      if (this.socket === socket) this.pull(this.atUs, 'seek');
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket !== socket) return;
      if (typeof event.data === 'string') this.told(event.data);
      else this.take(new Uint8Array(event.data));
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.session = '';
      this.fail('offline', '');
      this.again();
    };
    this.socket = socket;
  }

  private again(): void {
    const ms = this.atUs / 1000;
    const then = this.whenFound;
    this.timer = setTimeout(() => this.seek(ms, then), AGAIN_MS);
  }

  private told(text: string): void {
    const said = JSON.parse(text) as { ended?: string };
    if (typeof said.ended !== 'string') return;
    this.session = '';
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    const away = ['offline', 'center_stopped', 'expired', 'not_renewed', 'unwatched'];
    if (away.includes(said.ended)) {
      this.fail('offline', '');
      this.again();
    } else {
      this.fail('refused', said.ended);
    }
  }

  private pull(atUs: number, step: 'seek' | 'go'): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const wanted = this.state.speed >= KEYS_FROM && step === 'go' ? 'keys' : step;
    this.socket.send(JSON.stringify({ at_us: Math.round(atUs), step: wanted }));
    this.pulls += 1;
    this.nextUs = 0;
  }

  private take(bytes: Uint8Array<ArrayBuffer>): void {
    this.pulls -= 1;
    if (this.stale > 0) {
      this.stale -= 1;
      return;
    }
    const window = readWindow(bytes);
    if (window === null) {
      this.fail('unsupported', '');
      return;
    }
    this.nextUs = window.nextUs;
    this.shower.push(window.pictures, window.nextUs === 0);
    this.feed();
    this.tick();
  }

  private feed(): void {
    // What comes after the picture that is looked for would only be in its way.
    const { waiting, starved } = this.shower;
    const wants = this.state.phase === 'seeking' ? starved : waiting < WAITING_MIN;
    if (this.pulls === 0 && this.nextUs > 0 && wants) this.pull(this.nextUs, 'go');
  }

  private get moves(): boolean {
    return this.stepping || this.state.phase === 'seeking' || this.state.phase === 'playing';
  }

  /** Once in every frame of the page while something moves. */
  private tick(): void {
    if (this.frame !== 0 || !this.moves) return;
    this.frame = requestAnimationFrame((nowMs) => {
      this.frame = 0;
      if (this.over) return;
      if (this.state.phase === 'playing') this.advance(nowMs);
      else if (this.stepping) this.step(1);
      this.feed();
      if (this.moves) this.tick();
    });
  }

  private found(us: number | null): void {
    if (us === null) {
      this.fail('empty', '');
      return;
    }
    const gap = Math.abs(us - this.atUs) > GAP_US;
    const skipped = gap ? { fromMs: this.atUs / 1000, toMs: us / 1000 } : null;
    this.tickedMs = performance.now();
    this.moved(us);
    this.set({ phase: this.whenFound, skipped });
  }

  private advance(nowMs: number): void {
    const passedUs = (nowMs - this.tickedMs) * 1000 * this.state.speed;
    this.tickedMs = nowMs;
    const next = this.shower.next();
    if (next === null) {
      if (this.shower.empty) this.atEnd();
      return;
    }
    const untilUs = this.atUs + passedUs;
    const wide = this.state.speed >= KEYS_FROM ? 8 * GAP_US : GAP_US;
    if (next > this.atUs + wide && next > untilUs) {
      this.set({ skipped: { fromMs: this.atUs / 1000, toMs: next / 1000 } });
      this.moved(this.shower.show(next));
      return;
    }
    const shown = this.shower.show(untilUs);
    // The clock of the recording does not run ahead of what is decoded.
    this.atUs = Math.min(untilUs, (this.shower.next() ?? untilUs) + passedUs);
    if (shown === null) return;
    const { skipped } = this.state;
    const told = skipped !== null && shown / 1000 < skipped.toMs + TOLD_MS * this.state.speed;
    this.set({ atMs: shown / 1000, skipped: told ? skipped : null });
  }

  /** The session's range is played out: the next one, or the end of what there is. */
  private atEnd(): void {
    if (this.range.toMs >= this.serverNow() - 10_000) this.set({ phase: 'ended' });
    else this.seek(this.range.toMs + 1, 'playing');
  }

  private moved(us: number | null): void {
    if (us === null) return;
    this.atUs = us;
    this.set({ atMs: us / 1000 });
  }

  private draw(frame: VideoFrame): void {
    drawOn(this.context, frame);
    const { displayWidth: width, displayHeight: height } = frame;
    if (this.state.width !== width || this.state.height !== height) this.set({ width, height });
  }

  private fail(phase: Phase, reason: string): void {
    this.hide();
    this.set({ phase, reason, atMs: 0, skipped: null });
  }

  /** Its pixels too: a picture that may not be seen is nowhere. */
  private hide(): void {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.stepping = false;
    this.shower.drop();
    this.canvas.width = 0;
  }

  private async giveBack(): Promise<void> {
    const { socket, session } = this;
    this.socket = null;
    this.session = '';
    this.range = { fromMs: 0, toMs: 0 };
    socket?.close();
    if (session !== '') await api.closeSession(session);
  }
}
