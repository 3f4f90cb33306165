/** What a key press means in the queue; null when it means nothing there. */

export type Key = 'next' | 'previous' | 'acknowledge' | 'escalate' | 'dismiss' | 'undo' | 'report' | 'near' | 'replay' | 'help';

const KEYS: Record<string, Key> = {
  j: 'next',
  ArrowDown: 'next',
  k: 'previous',
  ArrowUp: 'previous',
  a: 'acknowledge',
  e: 'escalate',
  x: 'dismiss',
  u: 'undo',
  t: 'report',
  n: 'near',
  r: 'replay',
  '?': 'help',
};

export function keyOf(event: KeyboardEvent): Key | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return null;
  if (document.querySelector('dialog[open]') !== null) return null;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest('input:not([type=checkbox]), textarea, select') != null) return null;
  return KEYS[event.key] ?? KEYS[event.key.toLowerCase()] ?? null;
}
