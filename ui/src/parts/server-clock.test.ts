import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff';
import { ServerClock, SILENT_MS } from './server-clock';

describe('server clock', () => {
  it('trusts the beat that was on its way the shortest', () => {
    let local = 1_000;
    const clock = new ServerClock(() => local);
    clock.heard(10_900); // 100 ms on its way, the clocks being 10 s apart
    local = 2_000;
    clock.heard(11_990); // 10 ms
    local = 3_000;
    clock.heard(12_700); // 300 ms
    expect(clock.now()).toBe(12_990);
    expect(clock.lastHeard()).toBe(12_990);
  });

  it('is silent after five seconds without a beat, but not before the first', () => {
    let local = 0;
    const clock = new ServerClock(() => local);
    local = 60_000;
    expect([clock.silent(), clock.ageMs()]).toEqual([false, 0]);
    clock.heard(60_000);
    local += SILENT_MS - 1;
    expect(clock.silent()).toBe(false);
    local += 1;
    expect([clock.silent(), clock.ageMs()]).toEqual([true, SILENT_MS]);
    clock.heard(local);
    expect(clock.silent()).toBe(false);
  });

  it('measures anew after it was told to forget', () => {
    let local = 0;
    const clock = new ServerClock(() => local);
    clock.heard(50_000);
    clock.forget();
    local = 1_000;
    clock.heard(20_000);
    expect(clock.now()).toBe(20_000);
  });
});

describe('backoff', () => {
  it('doubles up to its bound and starts again', () => {
    const backoff = new Backoff(100, 1_000, () => 0.5);
    const waits = Array.from({ length: 6 }, () => backoff.next());
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('spreads tiles a fifth around', () => {
    expect(new Backoff(100, 1_000, () => 0).next()).toBeCloseTo(80);
    expect(new Backoff(100, 1_000, () => 1).next()).toBeCloseTo(120);
  });
});
