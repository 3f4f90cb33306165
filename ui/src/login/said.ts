import type { Failure } from '../api/client';
import { fill, type Words } from '../parts/words';
import type { Done } from './passkey';

/** The sentence for a passkey that did not work; empty when it did. */
export function passkeyTrouble(words: Words, done: Done<unknown>): string {
  if ('ok' in done) return '';
  if ('failure' in done) return failureText(words, done.failure);
  return words.passkeys[done.trouble];
}

function failureText(words: Words, failure: Failure): string {
  const { status, reason, kind, what } = failure;
  if (status === 0) return words.common.unreachable;
  if (status === 429) return words.login.too_often;
  if (reason === 'sign_in_again') return words.passkeys.sign_in_again;
  if (reason === 'use_passkey') return words.login.use_passkey;
  if (status === 401) return words.passkeys.refused;
  if (kind === 'conflict') return words.passkeys.changed;
  return fill(words.common.failed, { what: what || status });
}
