import { describe, expect, it } from 'vitest';
import * as english from '$words/en.json';
import * as indonesian from '$words/id.json';
import { NAMED } from './cause';
import { fill, reasonText, troubleText, WORDS } from './words';

function names(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null) return [prefix];
  return Object.entries(value).flatMap(([key, inner]) => names(inner, `${prefix}.${key}`));
}

function texts(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.values(value).flatMap(texts);
}

const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

describe('words', () => {
  it('have the same names and the same places to fill in both languages', () => {
    expect(names(indonesian).sort()).toEqual(names(english).sort());
    const pairs = texts(indonesian).map((text, i) => [text, texts(english)[i] ?? '']);
    for (const [one = '', other = ''] of pairs) {
      // Only "1 view" has no number to fill in.
      expect([one, places(one)]).toEqual([one, places(other)]);
    }
  });

  it('leave nothing empty', () => {
    for (const text of [...texts(WORDS.id), ...texts(WORDS.en)]) expect(text.trim()).not.toBe('');
  });

  it('have a state, and where it is not obvious a why, for every named cause', () => {
    const wall = WORDS.id.wall as Record<string, string>;
    for (const cause of NAMED) {
      expect(wall).toHaveProperty(`state_${cause}`);
      if (cause !== 'closed') expect(wall).toHaveProperty(`why_${cause}`);
    }
  });

  it('are filled in, unknown places stay visible', () => {
    expect(fill('{n} dari {m} {x}', { n: 4, m: 5 })).toBe('4 dari 5 {x}');
  });

  it('say an unknown reason rather than hiding it', () => {
    expect(reasonText(WORDS.id, 'stopped')).toBe('Dihentikan oleh pemilik');
    expect(reasonText(WORDS.en, 'brand_new')).toBe('Refused by the site (brand_new)');
    expect(reasonText(WORDS.en, '')).toBe('Refused by the site');
    expect(troubleText(WORDS.en, 'site_offline')).toBe('The site is not connected');
    expect(troubleText(WORDS.id, 'kata sandi ditolak')).toBe('kata sandi ditolak');
  });
});
