/** Why a camera has no picture, in the order that matters to the person in front of it. */
import type { Camera } from '../api/client';

/** What a view is asked for by: an open incident, an act of breaking the glass; '' for neither. */
export interface By {
  incident: string;
  act: string;
}

/** The same, and whether another institution has approved such views. */
export interface Given extends By {
  approved: boolean;
}

export const ORDINARY: By = { incident: '', act: '' };

/** Causes with words, colour and sign of their own; every other reason is a refusal. */
export const NAMED = [
  'stopped',
  'revoked',
  'expired',
  'not_yet',
  'out_of_hours',
  'incident_needed',
  'four_eyes',
  'suspended',
  'unwitnessed',
  'camera_offline',
  'site_offline',
  'closed',
  'unsupported',
  'refused',
] as const;

export type Cause = (typeof NAMED)[number];

/** What breaking the glass passes over, and nothing else. */
const WAIVED: readonly string[] = ['out_of_hours', 'incident_needed', 'four_eyes'];

export function waived(code: string): boolean {
  return WAIVED.includes(code);
}

export function causeNamed(code: string): Cause {
  if (code === 'offline') return 'site_offline';
  if (['replaced', 'unwatched', 'center_stopped', 'center_restarted'].includes(code)) return 'closed';
  return (NAMED as readonly string[]).includes(code) ? (code as Cause) : 'refused';
}

/** The cause's code, '' when the camera may be watched. The owner's will goes before the network. */
export function causeOf(camera: Camera): string {
  if (camera.state !== 'open') return camera.state;
  if (camera.online) return '';
  return camera.trouble === 'site_offline' ? 'site_offline' : 'camera_offline';
}

/** The same for somebody who watches for an open incident, with an approval, or has broken the
 * glass. */
export function causeGiven(camera: Camera, given: Given): string {
  let code = causeOf(camera);
  if (given.act !== '' && waived(code)) code = '';
  // A site says what is lacking first.
  if (code === 'incident_needed' && given.incident !== '') code = camera.four_eyes ? 'four_eyes' : '';
  if (code === 'four_eyes' && given.approved) code = '';
  return code === '' ? causeOf({ ...camera, state: 'open' }) : code;
}

/** Since when the cause holds, unix milliseconds, 0 when unknown. */
export function causeSince(camera: Camera): number {
  return camera.state !== 'open' ? camera.since_ms : camera.offline_since_ms;
}
