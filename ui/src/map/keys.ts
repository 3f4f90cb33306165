/** What a key press means on the map; null when it means nothing there. */

export type Key =
  | { kind: 'move'; by: number }
  | { kind: 'zoom'; by: number }
  | { kind: 'open' | 'near' | 'search' | 'whole' | 'help' };

const KEYS: Record<string, Key> = {
  ArrowDown: { kind: 'move', by: 1 },
  ArrowRight: { kind: 'move', by: 1 },
  ArrowUp: { kind: 'move', by: -1 },
  ArrowLeft: { kind: 'move', by: -1 },
  '+': { kind: 'zoom', by: 1 },
  '=': { kind: 'zoom', by: 1 },
  '-': { kind: 'zoom', by: -1 },
  '0': { kind: 'whole' },
  n: { kind: 'near' },
  '/': { kind: 'search' },
  '?': { kind: 'help' },
};

export function keyOf(event: KeyboardEvent): Key | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (document.querySelector('dialog[open]') !== null) return null;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest('textarea, select') != null) return null;
  const typing = target?.closest('input') != null;
  if (event.key === 'Enter') {
    // A row of the list opens as the map does; any other control keeps its Enter.
    return target?.closest('button:not([data-key]), a') == null ? { kind: 'open' } : null;
  }
  // While something is typed, only what no text holds still means anything.
  if (typing && event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return null;
  return KEYS[event.key] ?? KEYS[event.key.toLowerCase()] ?? null;
}
