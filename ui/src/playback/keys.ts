/** What a key press means while a recording is open; null when it is none of its business. */

export type Key =
  | { kind: 'toggle' | 'pause' | 'leave' | 'newest' }
  | { kind: 'jump'; byMs: number }
  | { kind: 'step'; by: 1 | -1 }
  | { kind: 'speed'; by: 1 | -1 };

const JUMP_MS = 10_000;
const FAR_MS = 60_000;

export function keyOf(event: KeyboardEvent): Key | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (document.querySelector('dialog[open]') !== null) return null;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest('input:not([type="range"]), textarea, select') != null) return null;
  const far = event.shiftKey ? FAR_MS : JUMP_MS;
  switch (event.key) {
    case ' ':
      // A button that has the focus keeps its space bar.
      return target?.closest('button, a') != null ? null : { kind: 'toggle' };
    case 'k':
    case 'K':
      return { kind: 'toggle' };
    case 'j':
    case 'J':
    case 'ArrowLeft':
      return { kind: 'jump', byMs: -far };
    case 'l':
    case 'L':
    case 'ArrowRight':
      return { kind: 'jump', byMs: far };
    case ',':
      return { kind: 'step', by: -1 };
    case '.':
      return { kind: 'step', by: 1 };
    case '-':
      return { kind: 'speed', by: -1 };
    case '+':
    case '=':
      return { kind: 'speed', by: 1 };
    case 'End':
      return { kind: 'newest' };
    case 'r':
    case 'R':
    case 'Escape':
      return { kind: 'leave' };
    default:
      return null;
  }
}
