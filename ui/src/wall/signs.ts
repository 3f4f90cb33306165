/** Sign and colour of every cause: a shape, a word, a colour. */
import type { Sign } from '../parts/signs';
import type { Cause } from '../parts/cause';

export type Tone = 'stop' | 'off' | 'late' | 'wait';

export const SIGNS: Record<Cause, { sign: Sign; tone: Tone }> = {
  stopped: { sign: 'hand', tone: 'stop' },
  revoked: { sign: 'ban', tone: 'stop' },
  expired: { sign: 'hourglass', tone: 'wait' },
  not_yet: { sign: 'hourglass', tone: 'wait' },
  out_of_hours: { sign: 'moon', tone: 'wait' },
  incident_needed: { sign: 'flag', tone: 'wait' },
  four_eyes: { sign: 'people', tone: 'wait' },
  suspended: { sign: 'frame', tone: 'late' },
  unwitnessed: { sign: 'hourglass', tone: 'wait' },
  camera_offline: { sign: 'unplugged', tone: 'off' },
  site_offline: { sign: 'unplugged', tone: 'off' },
  unsupported: { sign: 'frame', tone: 'off' },
  closed: { sign: 'lock', tone: 'wait' },
  refused: { sign: 'lock', tone: 'stop' },
};
