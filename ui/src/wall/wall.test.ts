import { describe, expect, it } from 'vitest';
import type { Camera, Site } from '../api/client';
import { causeGiven, causeNamed, causeOf, causeSince, type Given } from '../parts/cause';
import { changesBetween } from '../parts/changes';
import { WORDS } from '../parts/words';
import { routinePurpose, termsOf } from './allowed';
import { NumberEntry } from './entry';
import { arrange, defaultLayout, itemsOf, pagesOf } from './items';

const both = (text: string) => ({ id: text, en: text });

function camera(number: string, change: Partial<Camera> = {}): Camera {
  return {
    id: `c${number}`,
    number,
    name: both(`Kamera ${number}`),
    site: 'gudang',
    site_name: both('Gudang'),
    owner: 'kpu',
    owner_name: both('KPU'),
    contact: both('Pos jaga'),
    facing: 'street',
    agreement: '2026-03',
    until_ms: 0,
    actions: ['live'],
    incident_needed: false,
    four_eyes: false,
    break_glass: false,
    purposes: [{ id: 'routine_watch', text: both('Pengamanan') }],
    state: 'open',
    since_ms: 5,
    opens_ms: 0,
    online: true,
    offline_since_ms: 7,
    trouble: '',
    streams: {
      main: { width: 1280, height: 720, fps: 20 },
      sub: { width: 640, height: 360, fps: 10 },
    },
    sector: null,
    ...change,
  };
}

function site(id: string, change: Partial<Site> = {}): Site {
  return {
    id,
    name: both(id),
    owner: 'kpu',
    owner_name: both('KPU'),
    contact: both('Pos jaga'),
    online: true,
    since_ms: 0,
    waiting: [],
    cameras: 1,
    place: null,
    ...change,
  };
}

describe('cameras by number', () => {
  it('takes digits, then Enter, and forgets after a pause', () => {
    let now = 0;
    const entry = new NumberEntry(() => now);
    for (const digit of '147') entry.digit(digit);
    expect(entry.text).toBe('147');
    expect(entry.take()).toEqual({ number: '147', late: false });
    expect(entry.take().number).toBe('');
    entry.digit('9');
    now = 5_000;
    expect(entry.stale()).toBe(true);
    entry.digit('1');
    entry.digit('2');
    entry.erase();
    expect(entry.take()).toEqual({ number: '1', late: false });
  });

  it('says so when the Enter comes too late, once', () => {
    let now = 0;
    const entry = new NumberEntry(() => now);
    entry.digit('7');
    now = 60_000;
    expect(entry.take()).toEqual({ number: '7', late: true });
    expect(entry.take().number).toBe('');
  });

  it('is bounded', () => {
    const entry = new NumberEntry(() => 0);
    for (let n = 0; n < 20; n += 1) entry.digit('1');
    expect(entry.text).toHaveLength(6);
  });
});

describe('what stands on the wall', () => {
  it('is cameras by number, then what waits, and no number of a waiting camera', () => {
    const waiting = [{ agreement: '2026-04', missing: [], parties: 5 }];
    const items = itemsOf(
      [camera('1001'), camera('102'), camera('9')],
      [site('bawaslu', { waiting })],
    );
    expect(items.map((item) => item.key)).toEqual(['c9', 'c102', 'c1001', 'bawaslu 2026-04']);
  });

  it('comes in pages', () => {
    expect([defaultLayout(9), defaultLayout(10)]).toEqual([9, 16]);
    expect([pagesOf(0, 9), pagesOf(9, 9), pagesOf(10, 9)]).toEqual([1, 1, 2]);
  });

  it.each([
    ['a full wall of nine leaves room for the column', 9, 9, null, [3, 3, 'column']],
    ['twelve of sixteen fill three rows without it', 16, 12, null, [4, 3, 'none']],
    ['ten of sixteen leave two cells for it', 16, 10, null, [4, 3, 'cells']],
    ['the person wants it', 16, 12, true, [4, 3, 'column']],
    ['the person does not want it', 16, 10, false, [4, 3, 'none']],
    ['an empty wall has nothing to say', 9, 0, null, [3, 1, 'none']],
    ['one fills the screen', 1, 1, null, [1, 1, 'none']],
  ] as const)('%s', (_, layout, count, wanted, expected) => {
    const { columns, rows, status } = arrange(layout, count, 1832, 1032, wanted);
    expect([columns, rows, status]).toEqual(expected);
  });
});

describe('why there is no picture', () => {
  it('puts the owner’s will before the network', () => {
    const away = { online: false, trouble: 'site_offline' };
    expect(causeOf(camera('1'))).toBe('');
    expect(causeOf(camera('1', { state: 'stopped', ...away }))).toBe('stopped');
    expect(causeOf(camera('1', away))).toBe('site_offline');
    expect(causeOf(camera('1', { online: false }))).toBe('camera_offline');
    expect(causeSince(camera('1', { state: 'stopped' }))).toBe(5);
    expect(causeSince(camera('1', away))).toBe(7);
  });

  it('knows every code, at least as a refusal', () => {
    expect(causeNamed('stopped')).toBe('stopped');
    expect(causeNamed('offline')).toBe('site_offline');
    expect(causeNamed('replaced')).toBe('closed');
    expect(causeNamed('brand_new')).toBe('refused');
  });
});

describe('what has changed', () => {
  const before = { sites: [site('gudang')], cameras: [camera('1'), camera('2')] };
  const kinds = (after: { sites: Site[]; cameras: Camera[] }) =>
    changesBetween(before, after).map((change) => change.kind);

  it('is nothing between equal states', () => expect(kinds(before)).toEqual([]));

  it('is told by camera', () => {
    const cameras = [camera('1', { state: 'stopped' }), camera('3')];
    expect(kinds({ ...before, cameras })).toEqual(['stopped', 'shared', 'gone']);
    const opened = changesBetween(
      { ...before, cameras },
      { ...before, cameras: [camera('1'), camera('3', { online: false })] },
    );
    expect(opened.map((change) => change.kind)).toEqual(['open', 'camera_offline']);
  });

  it('of a whole site is one line', () => {
    const sites = [site('gudang', { online: false })];
    const cameras = ['1', '2'].map((n) => camera(n, { online: false, trouble: 'site_offline' }));
    expect(kinds({ sites, cameras })).toEqual(['site_offline']);
  });
});

describe('what an agreement allows', () => {
  it('is said with what it does not', () => {
    const terms = termsOf(camera('1', { actions: ['export', 'live'] }), WORDS.en);
    expect(terms.filter((term) => term.allowed).map((term) => term.text)).toEqual([
      'Watching live',
      'Exporting evidence',
    ]);
    expect(terms).toHaveLength(6);
  });

  it('gives the purpose of a routine view', () => {
    const purposes = [{ id: 'incident', text: both('Insiden') }];
    expect(routinePurpose(camera('1'))).toBe('routine_watch');
    expect(routinePurpose(camera('1', { purposes }))).toBe('incident');
    expect(routinePurpose(camera('1', { purposes: [] }))).toBe('routine_watch');
  });
});

describe('conditions of a view', () => {
  const none: Given = { incident: '', act: '', approved: false };
  const glass: Given = { ...none, act: 'a' };
  const incident: Given = { ...none, incident: 'i' };
  const approved: Given = { ...none, approved: true };

  it('are met by an incident and an approval, or passed over by breaking the glass', () => {
    for (const [state, given, cause] of [
      ['incident_needed', none, 'incident_needed'],
      ['incident_needed', incident, ''],
      ['incident_needed', approved, 'incident_needed'],
      ['incident_needed', glass, ''],
      ['out_of_hours', { ...incident, approved: true }, 'out_of_hours'],
      ['out_of_hours', glass, ''],
      ['four_eyes', incident, 'four_eyes'],
      ['four_eyes', approved, ''],
      ['four_eyes', glass, ''],
    ] as const) {
      expect(causeGiven(camera('1', { state }), given)).toBe(cause);
    }
    const both = camera('1', { state: 'incident_needed', incident_needed: true, four_eyes: true });
    expect(causeGiven(both, incident)).toBe('four_eyes');
    expect(causeGiven(both, { ...incident, approved: true })).toBe('');
  });

  it('give way to nothing else', () => {
    const all: Given = { incident: 'i', act: 'a', approved: true };
    for (const state of ['stopped', 'revoked', 'expired', 'suspended', 'unwitnessed']) {
      expect(causeGiven(camera('1', { state }), all)).toBe(state);
    }
    const away = camera('1', { state: 'out_of_hours', online: false });
    expect(causeGiven(away, glass)).toBe('camera_offline');
  });
});
