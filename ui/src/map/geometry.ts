/** Distances and shapes on the ground; angles in degrees, distances in meters. */
import type { Place, Sector } from '../api/client';

/** Longitude, latitude: the order of GeoJSON. */
export type LonLat = [number, number];

const EARTH_RADIUS_M = 6_371_008.8;
const STEP_DEG = 5;

const radians = (deg: number) => (deg * Math.PI) / 180;
const degrees = (rad: number) => (rad * 180) / Math.PI;

/** Along the great circle, on a round Earth. */
export function distanceM(a: Place, b: Place): number {
  const [north, south] = [radians(a.latitude_deg), radians(b.latitude_deg)];
  const dLatitude = Math.sin((south - north) / 2) ** 2;
  const dLongitude = Math.sin(radians(b.longitude_deg - a.longitude_deg) / 2) ** 2;
  const half = dLatitude + Math.cos(north) * Math.cos(south) * dLongitude;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** The place that lies `lengthM` from `from`, under a heading clockwise from north. */
export function ahead(from: Place, headingDeg: number, lengthM: number): LonLat {
  const [turn, reach] = [radians(headingDeg), lengthM / EARTH_RADIUS_M];
  const latitude = radians(from.latitude_deg);
  const sine =
    Math.sin(latitude) * Math.cos(reach) + Math.cos(latitude) * Math.sin(reach) * Math.cos(turn);
  const east = Math.sin(turn) * Math.sin(reach) * Math.cos(latitude);
  const north = Math.cos(reach) - Math.sin(latitude) * sine;
  const longitude = from.longitude_deg + degrees(Math.atan2(east, north));
  return [((longitude + 540) % 360) - 180, degrees(Math.asin(sine))];
}

/** What a camera can see up to `lengthM`, as a closed ring; all around without a corner. */
export function cone(sector: Sector, lengthM: number): LonLat[] {
  const corner: LonLat = [sector.longitude_deg, sector.latitude_deg];
  const steps = Math.max(2, Math.ceil(sector.fov_deg / STEP_DEG));
  const first = sector.heading_deg - sector.fov_deg / 2;
  const arc = Array.from({ length: steps + 1 }, (_, step) =>
    ahead(sector, first + (sector.fov_deg * step) / steps, lengthM),
  );
  if (sector.fov_deg >= 360) return [...arc.slice(0, -1), arc[0] ?? corner];
  return [corner, ...arc, corner];
}

/** The middle of some places of one town, null when there are none. */
export function middle(places: readonly Place[]): Place | null {
  if (places.length === 0) return null;
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    latitude_deg: mean(places.map((place) => place.latitude_deg)),
    longitude_deg: mean(places.map((place) => place.longitude_deg)),
  };
}
