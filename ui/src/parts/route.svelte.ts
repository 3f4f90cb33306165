/** Which screen is open and what it was asked: path and query, and the way to another one without
 * a new page. */

export class Route {
  path = $state(location.pathname);
  query = $state(location.search);

  go(to: string): void {
    const { pathname, search } = new URL(to, location.origin);
    if (pathname + search !== this.path + this.query) history.pushState(null, '', to);
    this.path = pathname;
    this.query = search;
  }

  /** The browser went back or forth. */
  readonly follow = (): void => {
    this.path = location.pathname;
    this.query = location.search;
  };

  /** Takes a click on a link of this house; others are the browser's. */
  readonly take = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.origin !== location.origin) return;
    if (link.hasAttribute('download') || link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  };
}
