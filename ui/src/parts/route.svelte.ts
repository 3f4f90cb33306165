/** Which screen is open: the path, and the way to another one without a new page. */

export class Route {
  path = $state(location.pathname);

  go(path: string): void {
    if (path !== this.path) history.pushState(null, '', path);
    this.path = path;
  }

  /** The browser went back or forth. */
  readonly follow = (): void => {
    this.path = location.pathname;
  };

  /** Takes a click on a link of this house; others are the browser's. */
  readonly take = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.origin !== location.origin) return;
    if (link.hasAttribute('download') || link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.go(link.pathname);
  };
}
