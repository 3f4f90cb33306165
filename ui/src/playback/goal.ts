/** Which picture a seek is for: read off the times of what was fetched, before any is decoded. */
import type { Recorded } from './window';

export class Goal {
  private beginsUs: number | null = null;
  private bestUs: number | null = null;
  private known = false;

  constructor(readonly targetUs: number) {}

  /** The time of the picture that stands at the moment, null while a later one may yet come. */
  get us(): number | null {
    return this.known ? this.bestUs : null;
  }

  /** More pictures, in the order of decoding. `last`: nothing follows them. */
  see(pictures: readonly Recorded[], last: boolean): void {
    for (const { us, sentUs } of pictures) {
      // Shown before the key frame it comes behind: it needs pictures that are not here.
      this.beginsUs ??= us;
      if (us >= this.beginsUs && us <= this.targetUs) this.bestUs = Math.max(this.bestUs ?? 0, us);
      // A picture is never shown before it is sent.
      if (sentUs > this.targetUs) this.known = true;
    }
    if (last) this.known = true;
  }
}
