import * as english from '$words/en.json';
import * as indonesian from '$words/id.json';

export type Language = 'id' | 'en';

export interface Words {
  common: typeof indonesian.common;
  reason: typeof indonesian.reason;
  trouble: typeof indonesian.trouble;
  wall: typeof indonesian.wall;
  login: typeof indonesian.login;
  passkeys: typeof indonesian.passkeys;
  layouts: typeof indonesian.layouts;
  handover: typeof indonesian.handover;
  glass: typeof indonesian.glass;
  incidents: typeof indonesian.incidents;
  alerts: typeof indonesian.alerts;
  playback: typeof indonesian.playback;
  map: typeof indonesian.map;
  shell: typeof indonesian.shell;
}

const pick = (from: Words): Words => ({
  common: from.common,
  reason: from.reason,
  trouble: from.trouble,
  wall: from.wall,
  login: from.login,
  passkeys: from.passkeys,
  layouts: from.layouts,
  handover: from.handover,
  incidents: from.incidents,
  glass: from.glass,
  alerts: from.alerts,
  playback: from.playback,
  map: from.map,
  shell: from.shell,
});

/** All texts of this app; both languages have the same names, or it does not compile. */
export const WORDS: Record<Language, Words> = { id: pick(indonesian), en: pick(english) };

/** `text` with each `{name}` replaced by its value. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}

/** The sentence for a reason code; an unknown code is shown as it is rather than hidden. */
export function reasonText(words: Words, code: string): string {
  const known = (words.reason as Record<string, string>)[code];
  return known ?? (code === '' ? words.reason.unknown : `${words.reason.unknown} (${code})`);
}

/** Whoever wrote the trouble: a code we have words for, or plain words of the site. */
export function troubleText(words: Words, trouble: string): string {
  return (words.trouble as Record<string, string>)[trouble] ?? trouble;
}
