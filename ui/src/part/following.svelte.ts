/** What a telephone shows of the center: asked for again and again, and told when it is silent. */
import type { Answer, Failure } from '../api/client';
import { Latest } from '../parts/latest';

const EVERY_MS = 2_000;
const SILENT_MS = 5_000;

/** Whether the center was not heard, as against having said no. */
export const unheard = ({ status }: Failure) => status === 0 || status >= 500;

export class Following<T> {
  value = $state.raw<T | null>(null);
  /** What the center said instead of an answer. */
  refusal = $state.raw<Failure | null>(null);
  now = $state(Date.now());
  heardMs = $state(Date.now());
  readonly silent = $derived(this.now - this.heardMs > SILENT_MS);
  private readonly latest: Latest<T>;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(ask: () => Promise<Answer<T>>) {
    this.latest = new Latest(ask, (answer) => this.take(answer));
    this.timer = setInterval(() => {
      this.now = Date.now();
      if (this.refusal === null) void this.latest.renew();
    }, EVERY_MS);
    void this.latest.renew();
  }

  take(answer: Answer<T>): void {
    if ('failure' in answer && unheard(answer.failure)) return;
    this.now = this.heardMs = Date.now();
    if ('ok' in answer) this.value = answer.ok;
    else this.refusal = answer.failure;
  }

  close(): void {
    clearInterval(this.timer);
  }
}
