/** Cameras by number: digits, then Enter. What nothing follows for a while counts no more, and the
 * Enter that comes too late means nothing else. */

const FORGET_MS = 5_000;
const MAX_DIGITS = 6;

export class NumberEntry {
  text = '';
  private at = 0;

  constructor(private readonly now: () => number) {}

  /** One digit more; starts anew after a pause. */
  digit(digit: string): void {
    if (this.stale()) this.text = '';
    if (this.text.length < MAX_DIGITS) this.text += digit;
    this.at = this.now();
  }

  /** The number that was entered, '' when there is none, and whether it comes too late; ends the
   * entry. */
  take(): { number: string; late: boolean } {
    const taken = { number: this.text, late: this.stale() };
    this.text = '';
    this.at = this.now();
    return taken;
  }

  erase(): void {
    this.text = this.text.slice(0, -1);
    this.at = this.now();
  }

  stale(): boolean {
    return this.now() - this.at >= FORGET_MS;
  }
}
