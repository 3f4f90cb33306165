/** What stands on the map, in the order of its list. */
import type { Camera, Place, Site, Summary } from '../api/client';
import type { Language } from '../parts/words';
import { byNumber } from '../wall/items';
import { siteAt, spotOf, type Of, type Spot } from './near';

export type Entry = { key: string; at: Place | null; of: Of } & (
  | { kind: 'incident'; incident: Summary }
  | { kind: 'site'; site: Site }
  | { kind: 'camera'; camera: Camera }
);

interface Known {
  cameras: readonly Camera[];
  sites: readonly Site[];
}

/** Open incidents as they come, the most urgent first; then each site with its cameras by number. */
export function entriesOf(known: Known, incidents: readonly Summary[]): Entry[] {
  const open = incidents.map((incident): Entry => {
    const of: Of = { kind: 'incident', id: incident.id };
    return { key: keyOf(of), kind: 'incident', of, incident, at: spotOf(known, incident).at };
  });
  const placed = known.sites.flatMap((site): Entry[] => {
    const of: Of = { kind: 'site', id: site.id };
    const cameras = known.cameras
      .filter((camera) => camera.site === site.id)
      .sort((a, b) => byNumber.compare(a.number, b.number))
      .map((camera): Entry => {
        const own: Of = { kind: 'camera', id: camera.id };
        return { key: keyOf(own), kind: 'camera', of: own, camera, at: camera.sector };
      });
    return [{ key: keyOf(of), kind: 'site', of, site, at: siteAt(known, site.id) }, ...cameras];
  });
  return [...open, ...placed];
}

export const keyOf = (of: Of) => `${of.kind}:${of.id}`;

/** Where an entry is, for whoever looks for cameras around it. */
export function spotOfEntry(known: Known, entry: Entry): Spot {
  if (entry.kind === 'incident') return spotOf(known, entry.incident);
  if (entry.kind === 'site') return { camera: '', site: entry.site.id, at: entry.at };
  return { camera: entry.camera.id, site: entry.camera.site, at: entry.at };
}

/** Whether everything that was typed stands in the entry: number, name, owner, site. */
export function matches(entry: Entry, typed: string, language: Language): boolean {
  const words = typed.toLocaleLowerCase(language).split(/\s+/).filter(Boolean);
  const said = textOf(entry, language).toLocaleLowerCase(language);
  return words.every((word) => said.includes(word));
}

function textOf(entry: Entry, language: Language): string {
  if (entry.kind === 'incident') {
    const { number, title, place, priority } = entry.incident;
    return `P${priority} ${String(number).padStart(3, '0')} ${title} ${place}`;
  }
  if (entry.kind === 'site') return `${entry.site.name[language]} ${entry.site.owner_name[language]}`;
  const { number, name, owner_name: owner, site_name: site } = entry.camera;
  return `${number} ${name[language]} ${owner[language]} ${site[language]}`;
}
