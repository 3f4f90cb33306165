/** What the agreement allows at a camera, as lines a person reads. */
import type { Camera } from '../api/client';
import type { Words } from '../parts/words';

const ACTIONS = ['live', 'alerts', 'playback', 'export', 'ptz'] as const;

export interface Term {
  allowed: boolean;
  text: string;
}

export function termsOf(camera: Camera, words: Words): Term[] {
  const named = words.wall as Record<string, string>;
  const lines = ACTIONS.map((action) => ({
    allowed: camera.actions.includes(action),
    text: named[`action_${action}`] ?? action,
  }));
  lines.sort((a, b) => Number(b.allowed) - Number(a.allowed));
  return [...lines, { allowed: false, text: words.wall.never }];
}

/** The purpose a watch officer's routine view is opened for. */
export function routinePurpose(camera: Camera): string {
  const ids = camera.purposes.map((purpose) => purpose.id);
  return ids.includes('routine_watch') ? 'routine_watch' : (ids[0] ?? 'routine_watch');
}
