import { describe, expect, it } from 'vitest';
import { GoKeys } from './go';

const press = (key: string, more: object = {}) =>
  ({ key, target: null, ctrlKey: false, altKey: false, metaKey: false, timeStamp: 0, ...more }) as KeyboardEvent;

describe('g and a letter', () => {
  it('goes to a screen, and takes the letter from the one that is left', () => {
    globalThis.HTMLElement ??= class {} as typeof HTMLElement;
    const go = new GoKeys();
    expect(go.pressed(press('a'))).toBe(null);
    expect(go.pressed(press('g'))).toBe('');
    expect(go.pressed(press('a'))).toBe('/alerts');
    expect(go.pressed(press('a'))).toBe(null);
    go.pressed(press('g'));
    expect(go.pressed(press('z'))).toBe('');
    go.pressed(press('g'));
    expect(go.pressed(press('m'))).toBe('/map');
    go.pressed(press('g'));
    expect(go.pressed(press('i', { timeStamp: 3_000 }))).toBe(null);
    expect(go.pressed(press('g', { ctrlKey: true }))).toBe(null);
  });
});
