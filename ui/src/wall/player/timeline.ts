/** Which moment of the world a picture on the player's timeline shows. */

const KEPT = 2_048;
const CLOSE_S = 0.02;

export class CaptureTimes {
  private readonly media: number[] = [];
  private readonly captured: number[] = [];

  /** Note one picture. Pictures may come out of order by a few, as B-frames do. */
  add(mediaS: number, capturedMs: number): void {
    let at = this.media.length;
    while (at > 0 && (this.media[at - 1] ?? 0) > mediaS) at -= 1;
    this.media.splice(at, 0, mediaS);
    this.captured.splice(at, 0, capturedMs);
    if (this.media.length > KEPT) {
      this.media.shift();
      this.captured.shift();
    }
  }

  /** Capture time of the picture that is on screen at `mediaS`; null when nothing is known. */
  at(mediaS: number): number | null {
    let low = 0;
    let high = this.media.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.media[middle] ?? 0) <= mediaS + CLOSE_S) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : (this.captured[low - 1] ?? null);
  }

  clear(): void {
    this.media.length = 0;
    this.captured.length = 0;
  }
}
