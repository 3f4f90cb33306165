import { describe, expect, it } from 'vitest';
import type { Camera, Layout, SavedWalls } from '../api/client';
import {
  camerasNamed,
  layoutAsked,
  monitorOf,
  numbersOf,
  onMonitor,
  tilesFor,
} from './layouts';

const CAMERAS = ['147', '148', '9'].map((number) => ({ id: `cam-${number}`, number }) as Camera);
const WALLS: SavedWalls = {
  layouts: [{ id: 'gate', number: 3 } as Layout],
  monitors: [
    { number: 2, layout: 'gate', by: null, at_ms: 0 },
    { number: 4, layout: 'gone', by: null, at_ms: 0 },
  ],
};

describe('what the wall is asked for', () => {
  it('is a monitor by its number, and by nothing else', () => {
    expect(['/monitor/1', '/monitor/16'].map(monitorOf)).toEqual([1, 16]);
    const others = ['/monitor/0', '/monitor/17', '/monitor/01', '/monitor/1/2', '/monitor/', '/'];
    expect(others.map(monitorOf)).toEqual(others.map(() => 0));
  });

  it('is a layout by its id', () => {
    expect(layoutAsked('?layout=gate')).toBe('gate');
    expect(layoutAsked('')).toBe('');
  });

  it('is what the room has put on the monitor, if it is there still', () => {
    expect(onMonitor(WALLS, 2)?.number).toBe(3);
    expect(onMonitor(WALLS, 4)).toBeNull();
    expect(onMonitor(WALLS, 1)).toBeNull();
  });
});

describe('cameras by their numbers', () => {
  it('get as many tiles as they need, sixteen at most', () => {
    expect([1, 2, 4, 5, 9, 10, 64].map(tilesFor)).toEqual([1, 4, 4, 9, 9, 16, 16]);
  });

  it('come in the order in which they were written, each once', () => {
    expect(camerasNamed(' 9, 147;9\n148 ', CAMERAS)).toEqual({
      ids: ['cam-9', 'cam-147', 'cam-148'],
      unknown: [],
    });
  });

  it('are named when nobody shares them', () => {
    expect(camerasNamed('147 0147 12', CAMERAS).unknown).toEqual(['0147', '12']);
  });

  it('come back as they were written; one that is gone is left out', () => {
    expect(numbersOf(['cam-148', 'cam-1', 'cam-9'], CAMERAS)).toBe('148 9');
  });
});
