import { describe, expect, it } from 'vitest';
import type { Camera, Site, Summary } from '../api/client';
import { entriesOf, matches, spotOfEntry } from './entries';
import { nearest, nearOf, nearPath, replayOf, replayPath, siteAt, spotOf } from './near';

type Where = [number, number] | null;

function camera(number: string, site: string, where: Where): Camera {
  const sector = where && { latitude_deg: where[0], longitude_deg: where[1], heading_deg: 0, fov_deg: 80 };
  const name = { id: `Kamera ${number}`, en: `Camera ${number}` };
  return { id: `c${number}`, number, site, sector, name, owner_name: name, site_name: name } as Camera;
}

function site(id: string, where: Where = null): Site {
  const place = where && { latitude_deg: where[0], longitude_deg: where[1] };
  return { id, place, name: { id: `Lokasi ${id}`, en: `Site ${id}` }, owner_name: { id: 'KPU', en: 'KPU' } } as Site;
}

const CAMERAS = [
  camera('20', 'yard', null),
  camera('3', 'yard', [0, 0.001]),
  camera('12', 'yard', [0, -0.001]),
  camera('7', 'street', null),
  camera('5', 'street', [0, 0.002]),
];
const SITES = [site('yard'), site('street'), site('drawn', [1, 1])];
const KNOWN = { cameras: CAMERAS, sites: SITES };
const numbers = (cameras: Camera[]) => cameras.map(({ number }) => number);
const here = { camera: '', site: 'street', at: { latitude_deg: 0, longitude_deg: 0 } };

describe('the nearest cameras', () => {
  it('stand by distance, what is equal by number, and without a place last', () => {
    // 3 and 12 are equally far; of those without a place, the site's own comes first.
    expect(numbers(nearest(CAMERAS, here, 9))).toEqual(['3', '12', '5', '7', '20']);
    expect(numbers(nearest(CAMERAS, here))).toEqual(['3', '12', '5', '7']);
    expect(numbers(nearest([...CAMERAS].reverse(), here, 9))).toEqual(['3', '12', '5', '7', '20']);
  });

  it('begin with the camera that is asked about, wherever it is', () => {
    const spot = spotOf(KNOWN, { camera: 'c7', site: 'street' });
    // Nobody knows where it is; its site is where the site's other camera is.
    expect(spot.at).toMatchObject({ latitude_deg: 0, longitude_deg: 0.002 });
    expect(numbers(nearest(CAMERAS, spot))).toEqual(['7', '5', '3', '12']);
  });

  it('are those of the site where no place is known at all', () => {
    const spot = { camera: '', site: 'yard', at: null };
    expect(numbers(nearest(CAMERAS, spot))).toEqual(['3', '12', '20', '5']);
    expect(nearest([], spot)).toEqual([]);
  });
});

describe('where a site is', () => {
  it('is told by the map, else by its cameras', () => {
    expect(siteAt(KNOWN, 'drawn')).toEqual({ latitude_deg: 1, longitude_deg: 1 });
    expect(siteAt(KNOWN, 'yard')).toEqual({ latitude_deg: 0, longitude_deg: 0 });
    expect(siteAt(KNOWN, 'unknown')).toBe(null);
  });
});

describe('the way to the nearest four', () => {
  it('names them, and what they are near to', () => {
    const path = nearPath(KNOWN, { kind: 'incident', id: '0a' }, here);
    expect(path).toBe('/?near=c3,c12,c5,c7&of=incident:0a');
    const of = { kind: 'incident', id: '0a' };
    expect(nearOf(path.slice(1))).toEqual({ of, cameras: ['c3', 'c12', 'c5', 'c7'] });
    expect(nearPath({ cameras: [], sites: SITES }, { kind: 'site', id: 'x' }, here)).toBe('');
  });

  it('plays the last half minute where the agreement gives it and the camera is open', () => {
    const open = { ...camera('9', 'yard', null), actions: ['live', 'playback'], state: 'open' };
    const of = { kind: 'alert', id: '0a' } as const;
    const path = (one: Camera) =>
      replayPath({ cameras: [one], sites: SITES }, of, { camera: one.id, site: 'yard', at: null });
    expect(path(open)).toBe('/?near=c9&of=alert:0a&replay=c9');
    expect(replayOf(path(open).slice(1))).toBe('c9');
    expect(path({ ...open, actions: ['live'] })).toBe('');
    expect(path({ ...open, state: 'revoked' })).toBe('');
    expect(replayPath(KNOWN, of, here)).toBe('');
    expect(replayOf('?replay=<x>')).toBe('');
  });

  it('is read strictly', () => {
    for (const query of ['', '?near=', '?near=c1', '?near=c1&of=person:1', '?near=<b>&of=site:a', '?near=c1&of=site:a b']) {
      expect(nearOf(query)).toBe(null);
    }
    expect(nearOf('?near=a,b,,c,d,e&of=site:x')?.cameras).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('what stands on the map', () => {
  const incident = { id: '0a', number: 14, title: 'Kardus', place: '', priority: 1, camera: 'c5', site: 'street' } as Summary;
  const entries = entriesOf(KNOWN, [incident]);

  it('is the open incidents, then each site with its cameras by number', () => {
    expect(entries.map(({ key }) => key)).toEqual([
      'incident:0a',
      'site:yard',
      'camera:c3',
      'camera:c12',
      'camera:c20',
      'site:street',
      'camera:c5',
      'camera:c7',
      'site:drawn',
    ]);
    expect(entries[0]?.at).toMatchObject({ longitude_deg: 0.002 });
    expect(entries.filter(({ at }) => at === null).map(({ key }) => key)).toEqual(['camera:c20', 'camera:c7']);
  });

  it('knows where each of them is', () => {
    const spots = entries.map((entry) => spotOfEntry(KNOWN, entry));
    expect(spots[0]).toMatchObject({ camera: 'c5', site: 'street' });
    expect(spots[1]).toMatchObject({ camera: '', site: 'yard' });
    expect(spots[2]).toMatchObject({ camera: 'c3', at: { longitude_deg: 0.001 } });
  });

  it('is found by number, name, owner and title', () => {
    const found = (typed: string) => entries.filter((entry) => matches(entry, typed, 'id')).map(({ key }) => key);
    expect(found('014')).toEqual(['incident:0a']);
    expect(found('p1 KARDUS')).toEqual(['incident:0a']);
    expect(found('kamera 12')).toEqual(['camera:c12']);
    expect(found('kpu drawn')).toEqual(['site:drawn']);
    expect(found('  ')).toHaveLength(9);
    expect(found('nothing')).toEqual([]);
  });
});
