/** Cameras by number: digits, then Enter. Forgotten when nothing follows for a while. */

const FORGET_MS = 3_000;
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

  /** The number that was entered, '' when there is none; ends the entry. */
  take(): string {
    const text = this.stale() ? '' : this.text;
    this.text = '';
    return text;
  }

  erase(): void {
    this.text = this.text.slice(0, -1);
    this.at = this.now();
  }

  stale(): boolean {
    return this.now() - this.at >= FORGET_MS;
  }
}
