/** What changed from one state of the town to the next, in terms a watch officer cares about. */
import type { Camera, Site } from '../api/client';
import { causeOf } from './cause';

export interface Change {
  /** A cause (`stopped`, `camera_offline`, ...), `open`, `shared`, `gone`, `site_...`, `connected`... */
  kind: string;
  camera?: Camera;
  site?: Site;
}

const PRESENCE = new Set(['camera_online', 'camera_offline', 'site_offline']);

interface State {
  sites: readonly Site[];
  cameras: readonly Camera[];
}

export function changesBetween(before: State, after: State): Change[] {
  const changes: Change[] = [];
  const sitesBefore = new Map(before.sites.map((site) => [site.id, site]));
  const turned = new Set<string>();
  for (const site of after.sites) {
    const known = sitesBefore.get(site.id);
    if (known === undefined || known.online === site.online) continue;
    turned.add(site.id);
    changes.push({ kind: site.online ? 'site_online' : 'site_offline', site });
  }
  const camerasBefore = new Map(before.cameras.map((camera) => [camera.id, camera]));
  for (const camera of after.cameras) {
    const known = camerasBefore.get(camera.id);
    camerasBefore.delete(camera.id);
    const kind = known === undefined ? 'shared' : turn(known, camera);
    // A site that goes takes its cameras along: one line says it.
    const withSite = turned.has(camera.site) && kind !== null && PRESENCE.has(kind);
    if (kind !== null && !withSite) changes.push({ kind, camera });
  }
  for (const camera of camerasBefore.values()) changes.push({ kind: 'gone', camera });
  return changes;
}

function turn(before: Camera, after: Camera): string | null {
  if (before.state !== after.state) return after.state === 'open' ? 'open' : after.state;
  if (before.online !== after.online) return after.online ? 'camera_online' : causeOf(after);
  return null;
}
