import { describe, expect, it } from 'vitest';
import { ahead, cone, distanceM, middle } from './geometry';

const at = (latitude_deg: number, longitude_deg: number) => ({ latitude_deg, longitude_deg });
const DEGREE_M = 111_195.08;

describe('the distance of two places', () => {
  it('is that of the great circle', () => {
    expect(distanceM(at(0, 0), at(0, 1))).toBeCloseTo(DEGREE_M, 1);
    expect(distanceM(at(0, 0), at(1, 0))).toBeCloseTo(DEGREE_M, 1);
    // A degree of longitude is half as long at 60 degrees, and the great circle shorter still.
    expect(distanceM(at(60, 10), at(60, 11))).toBeCloseTo(55_597.01, 1);
    expect(distanceM(at(0, 0), at(0, 180))).toBeCloseTo(180 * DEGREE_M, -1);
    expect(distanceM(at(90, 0), at(-90, 77))).toBeCloseTo(180 * DEGREE_M, -1);
  });

  it('crosses the date line, and is the same both ways and nothing to itself', () => {
    expect(distanceM(at(0, 179.5), at(0, -179.5))).toBeCloseTo(DEGREE_M, 1);
    const [jakarta, blitar] = [at(-6.2, 106.8), at(-8.1, 112.2)];
    expect(distanceM(jakarta, blitar)).toBe(distanceM(blitar, jakarta));
    expect(distanceM(jakarta, jakarta)).toBe(0);
  });

  it('tells one meter from two', () => {
    const north = (meters: number) => at(-6 + meters / DEGREE_M, 111);
    expect(distanceM(at(-6, 111), north(1))).toBeCloseTo(1, 3);
    expect(distanceM(at(-6, 111), north(2))).toBeCloseTo(2, 3);
  });
});

describe('a place ahead', () => {
  it('lies as far away as was asked, in the direction that was asked', () => {
    const from = at(-6, 111);
    for (const heading of [0, 45, 90, 180, 255, 359]) {
      const [longitude, latitude] = ahead(from, heading, 45);
      expect(distanceM(from, at(latitude, longitude))).toBeCloseTo(45, 3);
      expect(Math.sign(Math.round((latitude + 6) * 1e7))).toBe(Math.sign(Math.round(Math.cos((heading * Math.PI) / 180) * 1e6)));
      expect(Math.sign(Math.round((longitude - 111) * 1e7))).toBe(Math.sign(Math.round(Math.sin((heading * Math.PI) / 180) * 1e6)));
    }
    expect(ahead(at(0, 180), 90, 1000)[0]).toBeLessThan(-179);
  });
});

describe('what a camera sees', () => {
  const sector = { ...at(-6, 111), heading_deg: 90, fov_deg: 80 };

  it('is a closed wedge from the camera, between its edges', () => {
    const ring = cone(sector, 45);
    expect(ring[0]).toEqual([111, -6]);
    expect(ring.at(-1)).toEqual(ring[0]);
    expect(ring[1]).toEqual(ahead(sector, 50, 45));
    expect(ring.at(-2)).toEqual(ahead(sector, 130, 45));
    expect(ring.every(([longitude]) => longitude >= 111)).toBe(true);
  });

  it('is a circle where it sees all around', () => {
    const ring = cone({ ...sector, fov_deg: 360 }, 45);
    expect(ring).not.toContainEqual([111, -6]);
    expect(ring.at(-1)).toEqual(ring[0]);
    expect(ring.length).toBe(73);
  });
});

it('the middle of places, and of none', () => {
  expect(middle([at(-6, 111), at(-7, 113)])).toEqual(at(-6.5, 112));
  expect(middle([])).toBe(null);
});
