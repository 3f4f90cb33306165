/** What a stretch of time holds besides pictures: gaps, alerts, incidents; as marks and as a list. */
import type { Alert, Recordings, Summary } from '../api/client';
import { kindName } from '../alerts/names';
import type { Times } from '../parts/time';
import { fill, type Words } from '../parts/words';

export interface Item {
  key: string;
  kind: 'gap' | 'alert' | 'incident';
  fromMs: number;
  toMs: number;
  text: string;
}

/** The recorder's own words, by what they begin with. */
const CAUSES: [string, keyof Words['playback']][] = [
  ['restart', 'cause_restart'],
  ['camera', 'cause_camera'],
  ['disk', 'cause_disk'],
  ['clock', 'cause_clock'],
  ['no pictures', 'cause_pictures'],
];

export function causeText(cause: string, words: Words): string {
  const known = CAUSES.find(([begins]) => cause.startsWith(begins));
  return words.playback[known?.[1] ?? 'cause_other'];
}

export function itemsIn(
  span: { fromMs: number; toMs: number },
  recorded: Recordings | null,
  alerts: readonly Alert[],
  incidents: readonly Summary[],
  words: Words,
  times: Times,
): Item[] {
  const own = words.playback;
  const gaps = (recorded?.gaps ?? []).map((gap): Item => {
    const [from, to] = [times.second(gap.from_ms), times.timeOfDay(gap.to_ms)];
    const cause = fill(own.gap_cause, { cause: causeText(gap.cause, words) });
    return {
      key: `gap-${gap.from_ms}`,
      kind: 'gap',
      fromMs: gap.from_ms,
      toMs: gap.to_ms,
      text: `${fill(own.item_gap, { from, to })}. ${cause}`,
    };
  });
  const raised = alerts.map(
    (alert): Item => ({
      key: `alert-${alert.id}`,
      kind: 'alert',
      fromMs: alert.at_ms,
      toMs: alert.at_ms,
      text: fill(own.item_alert, {
        time: times.timeOfDay(alert.at_ms),
        kind: kindName(words, alert.what),
      }),
    }),
  );
  const opened = incidents.map(
    (one): Item => ({
      key: `incident-${one.id}`,
      kind: 'incident',
      fromMs: one.opened_ms,
      toMs: one.opened_ms,
      text: fill(own.item_incident, {
        n: one.number,
        time: times.timeOfDay(one.opened_ms),
        title: one.title,
      }),
    }),
  );
  return [...gaps, ...raised, ...opened]
    .filter((item) => item.toMs >= span.fromMs && item.fromMs < span.toMs)
    .sort((a, b) => a.fromMs - b.fromMs);
}
