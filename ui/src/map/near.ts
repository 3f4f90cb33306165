/** The cameras nearest to a place, and the way to them on the wall. */
import type { Camera, Place, Site } from '../api/client';
import { byNumber } from '../wall/items';
import { distanceM, middle } from './geometry';

export const NEAREST = 4;
const ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Where something happens; ids are empty and the place null as far as nobody knows. */
export interface Spot {
  camera: string;
  site: string;
  at: Place | null;
}

interface Known {
  cameras: readonly Camera[];
  sites: readonly Site[];
}

/** Where a site is: by the center's map, else the middle of its cameras. */
export function siteAt({ cameras, sites }: Known, site: string): Place | null {
  const drawn = sites.find((one) => one.id === site)?.place ?? null;
  if (drawn !== null) return drawn;
  return middle(cameras.flatMap((one) => (one.site === site && one.sector ? [one.sector] : [])));
}

/** The spot of what names a camera, a site, or both: the camera's place goes before the site's. */
export function spotOf(known: Known, { camera, site }: Omit<Spot, 'at'>): Spot {
  const sector = known.cameras.find((one) => one.id === camera)?.sector ?? null;
  return { camera, site, at: sector ?? siteAt(known, site) };
}

/** At most `count` cameras: the spot's own, then by distance, then those whose place nobody knows,
 * the spot's site first. What is equal stands by number. */
export function nearest(cameras: readonly Camera[], spot: Spot, count = NEAREST): Camera[] {
  const far = (camera: Camera) =>
    spot.at === null || !camera.sector ? Infinity : distanceM(spot.at, camera.sector);
  return cameras
    .map((camera) => ({
      camera,
      own: Number(camera.id !== spot.camera),
      far: far(camera),
      away: Number(camera.site !== spot.site),
    }))
    .sort(
      (a, b) =>
        a.own - b.own ||
        (a.far === b.far ? 0 : a.far - b.far) ||
        (a.far === Infinity ? a.away - b.away : 0) ||
        byNumber.compare(a.camera.number, b.camera.number),
    )
    .slice(0, count)
    .map(({ camera }) => camera);
}

/** What the wall was asked to show: `of` names what these cameras are near to. */
export interface Near {
  of: Of;
  cameras: string[];
}

export interface Of {
  kind: 'camera' | 'site' | 'alert' | 'incident';
  id: string;
}

/** The wall's address for the cameras nearest to a spot; '' when there is no camera at all. */
export function nearPath(known: Known, of: Of, spot: Spot): string {
  const found = nearest(known.cameras, spot).map(({ id }) => id);
  return found.length === 0 ? '' : `/?near=${found.join(',')}&of=${of.kind}:${of.id}`;
}

/** The same with the last half minute of the spot's own camera playing; '' where its agreement
 * gives no recordings. */
export function replayPath(known: Known, of: Of, spot: Spot): string {
  const camera = known.cameras.find(({ id }) => id === spot.camera);
  const gives = camera?.actions.includes('playback') === true && camera.state === 'open';
  return gives ? `${nearPath(known, of, spot)}&replay=${spot.camera}` : '';
}

/** The camera whose last half minute such an address asks for, '' for none. */
export function replayOf(query: string): string {
  const id = new URLSearchParams(query).get('replay') ?? '';
  return ID.test(id) ? id : '';
}

/** Reads such an address; null when it is none. */
export function nearOf(query: string): Near | null {
  const asked = new URLSearchParams(query);
  const cameras = (asked.get('near') ?? '').split(',').filter((id) => ID.test(id));
  const [, kind = '', id = ''] = /^(camera|site|alert|incident):(.*)$/.exec(asked.get('of') ?? '') ?? [];
  if (cameras.length === 0 || !ID.test(id)) return null;
  return { of: { kind: kind as Of['kind'], id }, cameras: cameras.slice(0, NEAREST) };
}
