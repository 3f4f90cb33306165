/** What incidents, their steps and their checklists are called. */
import type { Incident, Summary } from '../api/client';
import type { Words } from '../parts/words';

export const TYPES = ['suspicious_parcel', 'crowd', 'intrusion', 'fire', 'camera_down'] as const;
export const STATES = [
  'called',
  'reached',
  'unreachable',
  'on_way',
  'on_site',
  'needs_help',
  'left',
] as const;
export const OUTCOMES = ['resolved', 'false_alarm', 'handed_over', 'unresolved'] as const;

/** `014` */
export function numberOf(incident: Pick<Summary, 'number'>): string {
  return String(incident.number).padStart(3, '0');
}

/** A step of the checklist: its own words, or those of the screens. */
export function itemName(words: Words, item: { id: string; text: string }): string {
  if (item.text !== '') return item.text;
  return (words.incidents as Record<string, string>)[`check_${item.id}`] ?? item.id;
}

export function itemNamed(words: Words, incident: Incident, id: string): string {
  const item = incident.checklist.find((one) => one.id === id);
  return item === undefined ? id : itemName(words, item);
}
