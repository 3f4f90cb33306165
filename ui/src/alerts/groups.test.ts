import { describe, expect, it } from 'vitest';
import type { Alert } from '../api/client';
import { groupsOf, handledTogether, steady } from './groups';

let number = 0;

function alert(changes: Partial<Alert> = {}): Alert {
  number += 1;
  return {
    id: `a${number}`,
    number,
    what: 'loitering',
    priority: 4,
    leads_to: 'intrusion',
    site: 'gudang',
    camera: 'gate',
    text: '',
    caller: '',
    at_ms: number,
    by: null,
    state: 'waiting',
    handled_ms: 0,
    handled_by: null,
    undo_until_ms: 0,
    incident: '',
    ended_ms: 0,
    ...changes,
  };
}

const sizes = (alerts: Alert[]) => groupsOf(alerts).map((group) => group.alerts.length);

describe('the queue', () => {
  it('folds a flood of 200 into lines, the most urgent first, and loses none', () => {
    const flood = Array.from({ length: 200 }, (_, n) =>
      alert({ priority: [4, 4, 3, 2, 1][n % 5] ?? 4, site: n % 2 === 0 ? 'gudang' : 'jalan' }),
    );
    const groups = groupsOf(flood);
    expect(groups.length).toBeLessThanOrEqual(10);
    const priorities = groups.map((group) => group.alerts[0]?.priority ?? 0);
    expect(priorities).toEqual([...priorities].sort());
    expect(priorities[0]).toBe(1);
    const ids = groups.flatMap((group) => group.alerts.map(({ id }) => id));
    expect(new Set(ids)).toEqual(new Set(flood.map(({ id }) => id)));
    expect(ids).toHaveLength(200);
  });

  it('folds from three on, and keeps the place of the first of them', () => {
    const [one, two, three] = [alert(), alert(), alert()];
    expect(sizes([one, two])).toEqual([1, 1]);
    expect(groupsOf([one, two])[0]?.key).toBe(one.id);
    expect(sizes([one, two, three])).toEqual([3]);
    expect(groupsOf([one, two, three])[0]?.key).toBe(one.id);
    expect(sizes([one, two, alert({ what: 'crowd' })])).toEqual([1, 1, 1]);
    expect(sizes([one, two, alert({ site: 'jalan' })])).toEqual([1, 1, 1]);
  });

  it('puts nothing above a line that is held', () => {
    const [one, two] = [alert(), alert({ what: 'crowd' })];
    const before = groupsOf([one, two]).map(({ key }) => key);
    const urgent = alert({ priority: 1, what: 'left_object' });
    const now = groupsOf([one, two, urgent]);
    expect(steady(before, now, '').map(({ key }) => key)).toEqual([urgent.id, one.id, two.id]);
    expect(steady(before, now, one.id).map(({ key }) => key)).toEqual([one.id, urgent.id, two.id]);
    expect(steady(before, now, two.id).map(({ key }) => key)).toEqual([one.id, two.id, urgent.id]);
    expect(steady(before, groupsOf([two, urgent]), one.id)[0]?.key).toBe(urgent.id);
  });
});

describe('what was handled', () => {
  it('is one line for what was answered in one go', () => {
    const by = { account: 'jaga1', name: 'Petugas', unit: 'Polres' };
    const done = { state: 'acknowledged', handled_by: by } as const;
    const together = [1, 2, 3].map(() => alert({ ...done, handled_ms: 50 }));
    const alone = alert({ ...done, handled_ms: 40 });
    const shelved = [alert({ state: 'shelved' }), alert({ state: 'shelved' })];
    const lines = handledTogether([...together, alone, ...shelved]);
    expect(lines.map(({ alerts }) => alerts.length)).toEqual([3, 1, 1, 1]);
  });
});
