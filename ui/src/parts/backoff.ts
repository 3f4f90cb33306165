/** Waiting times that double from `firstMs` to `maxMs`, a little apart so that tiles do not storm. */
export class Backoff {
  private step = 0;

  constructor(
    private readonly firstMs = 500,
    private readonly maxMs = 15_000,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const base = Math.min(this.maxMs, this.firstMs * 2 ** this.step);
    this.step = Math.min(this.step + 1, 16);
    return base * (0.8 + 0.4 * this.random());
  }

  reset(): void {
    this.step = 0;
  }

  get attempts(): number {
    return this.step;
  }
}
