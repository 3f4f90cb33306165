/** What a key press means in an incident; null when it means nothing there. */

export type Key = 'note' | 'call' | 'dispatch' | 'near' | 'help';

const KEYS: Record<string, Key> = { c: 'note', p: 'call', d: 'dispatch', n: 'near', '?': 'help' };

export function keyOf(event: KeyboardEvent): Key | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return null;
  if (document.querySelector('dialog[open]') !== null) return null;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest('input:not([type=checkbox]), textarea, select') != null) return null;
  return KEYS[event.key.toLowerCase()] ?? null;
}
