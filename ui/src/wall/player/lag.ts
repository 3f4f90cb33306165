/** How far a shown picture is behind the world; measured, never inferred. */

/** From here on a view is late, not live. */
export const LATE_MS = 2_000;

export type Lag =
  | { kind: 'none' }
  | { kind: 'live' | 'late'; lagMs: number; capturedMs: number };

export const NO_LAG: Lag = { kind: 'none' };

export class LagMeter {
  private capturedMs: number | null = null;

  /** `serverNow`: the center's unix milliseconds. */
  constructor(private readonly serverNow: () => number) {}

  /** A picture captured at `capturedMs` is now on screen. */
  shown(capturedMs: number): void {
    this.capturedMs = capturedMs;
  }

  /** The picture is gone. */
  clear(): void {
    this.capturedMs = null;
  }

  /** A frozen stream grows late by itself: nothing new is shown while time goes on. */
  read(): Lag {
    if (this.capturedMs === null) return NO_LAG;
    const lagMs = Math.max(0, this.serverNow() - this.capturedMs);
    return { kind: lagMs < LATE_MS ? 'live' : 'late', lagMs, capturedMs: this.capturedMs };
  }
}
