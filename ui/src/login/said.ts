import type { Answer, Failure } from '../api/client';
import { fill, type Words } from '../parts/words';

/** Why there is no answer to send: the person or the browser did not give one. */
export type Trouble = 'cancelled' | 'known' | 'unable';
export type Done<T> = Answer<T> | { trouble: Trouble };

export function troubleOf(error: unknown): Trouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  // A person who cancels and one who takes too long look alike, by design.
  if (name === 'NotAllowedError' || name === 'AbortError') return 'cancelled';
  return name === 'InvalidStateError' ? 'known' : 'unable';
}

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
