/** What a person wrote and the center has not confirmed: kept, in order, until it is answered.
 *
 * Each write has a key of its own, so that one which arrived without an answer is not done twice. */
import type { Answer } from '../api/client';
import { Backoff } from './backoff';

export interface Write {
  key: string;
  path: string;
  body: unknown;
  atMs: number;
}

const KEPT = 200;

export interface Means {
  send: (write: Write) => Promise<Answer<unknown>>;
  /** What was kept before this page was opened. */
  load: () => string | null;
  keep: (text: string) => void;
  wait: (ms: number) => Promise<void>;
  newKey: () => string;
  now: () => number;
}

/** Whether it may have arrived, or may be taken later: then it stays. */
function undecided(answer: Answer<unknown>): boolean {
  return 'failure' in answer && [0, 401, 502, 503, 504].includes(answer.failure.status);
}

export class Outbox {
  private writes: Write[];
  private readonly asked = new Map<string, (answer: Answer<unknown>) => void>();
  private readonly backoff = new Backoff(500, 5_000);
  private working = false;
  private closed = false;

  /** `changed` is called with what waits, whenever that changes. */
  constructor(
    private readonly means: Means,
    private readonly changed: (waiting: Write[]) => void,
  ) {
    this.writes = parse(means.load());
    if (this.writes.length > 0) {
      changed([...this.writes]);
      void this.work();
    }
  }

  /** Resolved with the center's answer, however long that takes. */
  post<T>(path: string, body: unknown): Promise<Answer<T>> {
    const write = { key: this.means.newKey(), path, body, atMs: this.means.now() };
    const answered = new Promise<Answer<T>>((resolve) => {
      this.asked.set(write.key, (answer) => resolve(answer as Answer<T>));
    });
    this.writes.push(write);
    if (this.writes.length > KEPT) this.writes.shift();
    this.note();
    void this.work();
    return answered;
  }

  close(): void {
    this.closed = true;
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    for (;;) {
      const [write] = this.writes;
      if (write === undefined || this.closed) break;
      const answer = await this.means.send(write);
      if (undecided(answer)) {
        await this.means.wait(this.backoff.next());
        continue;
      }
      this.backoff.reset();
      this.writes = this.writes.filter((one) => one !== write);
      this.note();
      this.asked.get(write.key)?.(answer);
      this.asked.delete(write.key);
    }
    this.working = false;
  }

  private note(): void {
    this.means.keep(JSON.stringify(this.writes));
    this.changed([...this.writes]);
  }
}

function parse(text: string | null): Write[] {
  try {
    const found: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(found) ? (found as Write[]) : [];
  } catch {
    return [];
  }
}
