/** Without a network the page says so instead of the browser: nothing else is kept on the
 * telephone, least of all what the center answers. */
export function stayReachable(): void {
  if (!('serviceWorker' in navigator)) return;
  // Where the browser does not allow it, its own page must do.
  navigator.serviceWorker.register('/part-worker.js', { scope: '/part' }).catch(() => undefined);
}
