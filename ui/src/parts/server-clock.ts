/** The center's clock as seen from here, and whether it is still being heard. */

/** Without a beat for this long the whole page counts as cut off. */
export const SILENT_MS = 5_000;
const SAMPLES = 30;

export class ServerClock {
  private offsets: number[] = [];
  private offsetMs = 0;
  private heardAt = 0;
  private everHeard = false;

  /** `localNow`: unix milliseconds of this computer. */
  constructor(private readonly localNow: () => number) {}

  /** A beat has come. The one that was on its way the shortest tells the offset best. */
  heard(serverMs: number): void {
    this.heardAt = this.localNow();
    this.everHeard = true;
    this.offsets.push(serverMs - this.heardAt);
    if (this.offsets.length > SAMPLES) this.offsets.shift();
    this.offsetMs = Math.max(...this.offsets);
  }

  /** The center's unix milliseconds now. */
  now(): number {
    return this.localNow() + this.offsetMs;
  }

  /** How old what we know is; 0 before anything was heard. */
  ageMs(): number {
    return this.everHeard ? Math.max(0, this.localNow() - this.heardAt) : 0;
  }

  /** When the last beat came, by the center's clock. */
  lastHeard(): number {
    return this.heardAt + this.offsetMs;
  }

  /** Not heard for too long. Before the first beat we are connecting, not cut off. */
  silent(): boolean {
    return this.everHeard && this.ageMs() >= SILENT_MS;
  }

  /** Offsets measured before a sleep or a new connection no longer hold. */
  forget(): void {
    this.offsets = [];
  }
}
