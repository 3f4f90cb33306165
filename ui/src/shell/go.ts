/** `g` and a letter within a second: another screen. */

const PATHS: Record<string, string> = {
  w: '/',
  m: '/map',
  a: '/alerts',
  i: '/incidents',
  h: '/handover',
  b: '/break-glass',
};
const WITHIN_MS = 1_500;

export class GoKeys {
  private at = Number.NEGATIVE_INFINITY;

  constructor(private readonly now: () => number) {}

  /** The path to go to; '' when the key was taken and goes nowhere; null when it is not ours. */
  pressed(event: KeyboardEvent): string | null {
    if (event.ctrlKey || event.altKey || event.metaKey) return null;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (target?.closest('input, textarea, select, dialog') != null) return null;
    const waiting = this.now() - this.at < WITHIN_MS;
    this.at = Number.NEGATIVE_INFINITY;
    if (waiting) return PATHS[event.key.toLowerCase()] ?? '';
    if (event.key !== 'g') return null;
    this.at = this.now();
    return '';
  }
}
