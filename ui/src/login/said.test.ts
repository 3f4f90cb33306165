import { expect, test } from 'vitest';
import type { Failure } from '../api/client';
import { WORDS } from '../parts/words';
import { passkeyTrouble, troubleOf } from './said';

const words = WORDS.en;
const failed = (some: Partial<Failure>): string =>
  passkeyTrouble(words, {
    failure: { status: 403, kind: 'denied', what: 'no', hint: '', reason: '', ...some },
  });

test('what the browser throws is told as what a person can do about it', () => {
  const thrown = (name: string) => troubleOf(new DOMException('', name));
  expect(thrown('NotAllowedError')).toBe('cancelled');
  expect(thrown('AbortError')).toBe('cancelled');
  expect(thrown('InvalidStateError')).toBe('known');
  expect(thrown('SecurityError')).toBe('unable');
  expect(troubleOf('nonsense')).toBe('unable');
  expect(passkeyTrouble(words, { trouble: 'cancelled' })).toBe(words.passkeys.cancelled);
});

test('what the center refuses has its own sentence', () => {
  expect(passkeyTrouble(words, { ok: null })).toBe('');
  expect(failed({ status: 0 })).toBe(words.common.unreachable);
  expect(failed({ status: 429 })).toBe(words.login.too_often);
  expect(failed({ status: 401 })).toBe(words.passkeys.refused);
  expect(failed({ reason: 'sign_in_again' })).toBe(words.passkeys.sign_in_again);
  expect(failed({ reason: 'use_passkey' })).toBe(words.login.use_passkey);
  expect(failed({ status: 409, kind: 'conflict' })).toBe(words.passkeys.changed);
  expect(failed({})).toContain('no');
});
