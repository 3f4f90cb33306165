import { describe, expect, it } from 'vitest';
import type { Answer } from '../api/client';
import { Latest } from './latest';
import { Outbox, type Means, type Write } from './outbox';

const failure = (status: number): Answer<unknown> => ({
  failure: { status, kind: '', what: 'no', hint: '', reason: '' },
});

/** A center that answers as it is told, and a computer that keeps what it is given. */
class World {
  kept: string | null = null;
  sent: Write[] = [];
  waiting: Write[] = [];
  answers: Answer<unknown>[] = [];
  private counter = 0;

  open(): Outbox {
    const means: Means = {
      send: (write) => {
        this.sent.push(write);
        return Promise.resolve(this.answers.shift() ?? { ok: write.body });
      },
      load: () => this.kept,
      keep: (text) => (this.kept = text),
      wait: () => Promise.resolve(),
      newKey: () => `k${(this.counter += 1)}`,
      now: () => 1,
    };
    return new Outbox(means, (waiting) => (this.waiting = waiting));
  }
}

describe('the outbox', () => {
  it('sends again under the same key until it is answered, in order', async () => {
    const world = new World();
    world.answers = [failure(0), failure(503)];
    const outbox = world.open();
    const answers = await Promise.all([outbox.post('/a', 1), outbox.post('/b', 2)]);
    expect(answers).toEqual([{ ok: 1 }, { ok: 2 }]);
    expect(world.sent.map(({ key, path }) => `${key} ${path}`)).toEqual([
      'k1 /a',
      'k1 /a',
      'k1 /a',
      'k2 /b',
    ]);
    expect([world.waiting, world.kept]).toEqual([[], '[]']);
  });

  it('lets go of what is refused, and says so', async () => {
    const world = new World();
    world.answers = [failure(409)];
    const outbox = world.open();
    expect(await outbox.post('/a', 1)).toEqual(failure(409));
    expect(world.waiting).toEqual([]);
  });

  it('goes on with what was kept when the page was closed', async () => {
    const world = new World();
    const first = world.open();
    first.close();
    void first.post('/a', 'a note');
    expect(world.waiting.map(({ body }) => body)).toEqual(['a note']);
    expect(world.sent).toEqual([]);
    const again = world.open();
    await again.post('/b', 2);
    expect(world.sent.map(({ path }) => path)).toEqual(['/a', '/b']);
    world.kept = 'nonsense';
    await world.open().post('/c', 3);
    expect(world.sent.at(-1)?.path).toBe('/c');
  });
});

describe('latest', () => {
  it('asks once more when it may have changed meanwhile, and never twice at once', async () => {
    let open: ((answer: Answer<number>) => void) | undefined;
    const taken: unknown[] = [];
    let asked = 0;
    const latest = new Latest<number>(
      () => {
        asked += 1;
        return new Promise((resolve) => (open = resolve));
      },
      (answer) => taken.push(answer),
    );
    const done = latest.renew();
    void latest.renew();
    void latest.renew();
    expect(asked).toBe(1);
    open?.({ ok: 1 });
    await Promise.resolve();
    await Promise.resolve();
    open?.({ ok: 2 });
    await done;
    expect([asked, taken]).toEqual([2, [{ ok: 1 }, { ok: 2 }]]);
  });
});
