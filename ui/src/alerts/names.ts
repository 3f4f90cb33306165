/** What an alert is called, and the place it comes from. */
import type { Alert, Camera, Site } from '../api/client';
import type { Language, Words } from '../parts/words';

export function kindName(words: Words, what: Alert['what']): string {
  return words.alerts[`kind_${what}`];
}

interface Known {
  cameras: readonly Camera[];
  sites: readonly Site[];
}

/** `101 Gerbang utama`, or the site's name; its id where it is not known any more. */
export function placeName(
  { cameras, sites }: Known,
  camera: string,
  site: string,
  language: Language,
): string {
  const found = cameras.find((one) => one.id === camera);
  if (found !== undefined) return `${found.number} ${found.name[language]}`;
  return sites.find((one) => one.id === site)?.name[language] ?? (camera || site);
}
