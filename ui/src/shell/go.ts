/** `g` and soon a letter: another screen. A page that is busy makes nobody's fingers slow: what
 * counts is when the keys were pressed. */

const PATHS: Record<string, string> = {
  w: '/',
  m: '/map',
  a: '/alerts',
  i: '/incidents',
  h: '/handover',
  b: '/break-glass',
};
const WITHIN_MS = 2_500;

export class GoKeys {
  private at = Number.NEGATIVE_INFINITY;

  /** The path to go to; '' when the key was taken and goes nowhere; null when it is not ours. */
  pressed(event: KeyboardEvent): string | null {
    if (event.ctrlKey || event.altKey || event.metaKey) return null;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (target?.closest('input, textarea, select, dialog') != null) return null;
    const waiting = event.timeStamp - this.at < WITHIN_MS;
    this.at = Number.NEGATIVE_INFINITY;
    if (waiting) return PATHS[event.key.toLowerCase()] ?? '';
    if (event.key !== 'g') return null;
    this.at = event.timeStamp;
    return '';
  }
}
