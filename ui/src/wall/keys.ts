/** What a key press means on the wall; null when it is none of the wall's business. */

export type Key =
  | { kind: 'enter'; onControl: boolean }
  | { kind: 'digit'; digit: string }
  | { kind: 'erase' | 'escape' | 'fullscreen' | 'help' | 'recordings' | 'glass' | 'incident' | 'near' }
  | { kind: 'layouts' | 'hold' }
  | { kind: 'move'; dx: number; dy: number }
  | { kind: 'page'; by: number };

const MOVES: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function keyOf(event: KeyboardEvent): Key | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (document.querySelector('dialog[open]') !== null) return null;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest('input, textarea, select') != null) return null;
  const { key } = event;
  if (key === 'Enter') {
    // A tile's own button enlarges it; any other control keeps its Enter.
    const onControl = target?.closest('button, a') != null;
    return { kind: 'enter', onControl };
  }
  if (/^[0-9]$/.test(key)) return { kind: 'digit', digit: key };
  const move = MOVES[key];
  if (move !== undefined) return { kind: 'move', dx: move[0], dy: move[1] };
  switch (key) {
    case 'Backspace':
      return { kind: 'erase' };
    case 'Escape':
      return { kind: 'escape' };
    case 'PageUp':
      return { kind: 'page', by: -1 };
    case 'PageDown':
      return { kind: 'page', by: 1 };
    case 'f':
    case 'F':
      return { kind: 'fullscreen' };
    case 'n':
    case 'N':
      return { kind: 'near' };
    case 'r':
    case 'R':
      return { kind: 'recordings' };
    case 'b':
    case 'B':
      return { kind: 'glass' };
    case 'i':
    case 'I':
      return { kind: 'incident' };
    case 'l':
    case 'L':
      return { kind: 'layouts' };
    case 'p':
    case 'P':
      return { kind: 'hold' };
    case '?':
      return { kind: 'help' };
    default:
      return null;
  }
}
