/** The page's colors for what is painted by hand: read from its style sheet, so that both themes
 * have one place. */

export type Token =
  | 'accent'
  | 'accent-tint'
  | 'bg0'
  | 'bg1'
  | 'bg2'
  | 'bg3'
  | 'focus'
  | 'line'
  | 'live-tint'
  | 'offline'
  | 'on-p'
  | 'p1'
  | 'p2'
  | 'p3'
  | 'p4'
  | 'revoked'
  | 'stale'
  | 'text'
  | 'text-2';

export class Colors {
  private readonly style = getComputedStyle(document.documentElement);
  private readonly read = new Map<Token, string>();

  of(token: Token): string {
    const known = this.read.get(token);
    if (known !== undefined) return known;
    const color = this.style.getPropertyValue(`--${token}`).trim() || '#888';
    this.read.set(token, color);
    return color;
  }
}
