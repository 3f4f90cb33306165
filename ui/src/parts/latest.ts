/** Asks for something anew whenever it may have changed: one question at a time, and never one
 * too few. */
import type { Answer } from '../api/client';

export class Latest<T> {
  private asking = false;
  private again = false;

  constructor(
    private readonly ask: () => Promise<Answer<T>>,
    private readonly take: (answer: Answer<T>) => void,
  ) {}

  async renew(): Promise<void> {
    this.again = true;
    if (this.asking) return;
    this.asking = true;
    while (this.again) {
      this.again = false;
      this.take(await this.ask());
    }
    this.asking = false;
  }
}
