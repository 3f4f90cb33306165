import { describe, expect, it } from 'vitest';
import { houseOffset, Times, zoneName } from './time';
import { WORDS } from './words';

const id = new Times(WORDS.id, 420);
const en = new Times(WORDS.en, 420);
const AT = Date.UTC(2026, 10, 23, 10, 40, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('times', () => {
  it('says day, time and zone', () => {
    expect(id.clock(AT)).toBe('23 Nov 2026 17.40.12 WIB');
    expect(en.clock(Date.UTC(2026, 4, 1, 0, 5, 6))).toBe('1 May 2026 07.05.06 WIB');
    expect(id.day(Date.UTC(2026, 4, 1))).toBe('1 Mei 2026');
    expect(id.timeOfDay(AT)).toBe('17.40.12 WIB');
  });

  it('names the day only when it is another one', () => {
    expect(id.moment(AT - HOUR, AT)).toBe('16.40 WIB');
    expect(id.moment(AT - DAY, AT)).toBe('22 Nov 2026 17.40 WIB');
    expect(id.since(AT - 45 * MINUTE, AT)).toBe('16.55 WIB (45 mnt)');
    expect(id.since(0, AT)).toBe('');
  });

  it.each([
    [16 * DAY + 6 * HOUR + 1, 'sisa 16 hari 6 j', '16 d 6 h left'],
    [2 * DAY, 'sisa 2 hari', '2 d left'],
    [3 * HOUR + 20 * MINUTE, 'sisa 3 j 20 mnt', '3 h 20 min left'],
    [HOUR, 'sisa 1 j', '1 h left'],
    [5 * MINUTE + 59_000, 'sisa 5 mnt', '5 min left'],
    [900, 'sisa 0 dtk', '0 s left'],
    [0, 'sudah berakhir', 'ended'],
    [-DAY, 'sudah berakhir', 'ended'],
  ])('tells the time left: %d ms', (ms, indonesian, english) => {
    expect(id.left(AT + ms, AT)).toBe(indonesian);
    expect(en.left(AT + ms, AT)).toBe(english);
  });

  it('writes seconds with the language’s decimal sign, never more than was measured', () => {
    expect(id.seconds(449, 'id')).toBe('0,4 dtk');
    expect(en.seconds(6_499, 'en')).toBe('6.4 s');
    expect(id.seconds(-5, 'id')).toBe('0,0 dtk');
    expect(id.seconds(125_000, 'id')).toBe('2 mnt');
  });
});

describe('zones', () => {
  it.each([
    [420, 'WIB'],
    [480, 'WITA'],
    [540, 'WIT'],
    [0, 'UTC+0'],
    [-210, 'UTC−3.30'],
  ])('%d minutes', (offset, name) => expect(zoneName(offset)).toBe(name));

  it('keeps an Indonesian computer’s zone and shows WIB elsewhere', () => {
    expect(houseOffset(480)).toBe(480);
    expect(houseOffset(0)).toBe(420);
  });
});
