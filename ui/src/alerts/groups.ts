/** Alerts as they stand in the queue: alike ones folded, and nothing moving under a hand. */
import type { Alert } from '../api/client';

/** So many alike are one line. */
const FOLD_FROM = 3;

export interface Group {
  /** Of the oldest in it, so that a line keeps its place when others join it. */
  key: string;
  /** The oldest first. */
  alerts: Alert[];
}

/** What waits, the most urgent first and among those the oldest; alike are kind, priority and
 * site. What people told is folded only for one site too: its texts are in the line's list. */
export function groupsOf(waiting: readonly Alert[]): Group[] {
  const alike = new Map<string, Alert[]>();
  for (const alert of waiting) {
    const key = `${alert.priority} ${alert.what} ${alert.site}`;
    const found = alike.get(key);
    if (found === undefined) alike.set(key, [alert]);
    else found.push(alert);
  }
  const groups: Group[] = [];
  for (const alerts of alike.values()) {
    alerts.sort((a, b) => a.number - b.number);
    if (alerts.length >= FOLD_FROM) groups.push(group(alerts));
    else groups.push(...alerts.map((alert) => group([alert])));
  }
  return groups.sort((a, b) => rank(a) - rank(b));
}

function group(alerts: Alert[]): Group {
  return { key: alerts[0]?.id ?? '', alerts };
}

const rank = ({ alerts: [head] }: Group) => (head?.priority ?? 9) * 1e9 + (head?.number ?? 0);

/** The order on the screen while a line is under the pointer or the focus (`held`, else ''): what
 * was there keeps its place, new lines come below it. */
export function steady(before: readonly string[], groups: Group[], held: string): Group[] {
  if (held === '' || !groups.some(({ key }) => key === held)) return groups;
  const place = new Map(before.map((key, index) => [key, index]));
  const old = groups.filter(({ key }) => place.has(key));
  old.sort((a, b) => (place.get(a.key) ?? 0) - (place.get(b.key) ?? 0));
  const added = groups.filter(({ key }) => !place.has(key));
  const at = old.findIndex(({ key }) => key === held) + 1;
  const above = old.slice(0, at);
  const below = [...old.slice(at), ...added].sort((a, b) => rank(a) - rank(b));
  return [...above, ...below];
}

export interface Handled {
  key: string;
  alerts: Alert[];
}

/** What was answered in one go, as one line: newest first, as it comes. */
export function handledTogether(handled: readonly Alert[]): Handled[] {
  const lines: Handled[] = [];
  for (const alert of handled) {
    const last = lines.at(-1);
    const head = last?.alerts[0];
    const same =
      head !== undefined &&
      alert.handled_ms > 0 &&
      head.handled_ms === alert.handled_ms &&
      head.state === alert.state &&
      head.handled_by?.account === alert.handled_by?.account;
    if (same) last?.alerts.push(alert);
    else lines.push({ key: alert.id, alerts: [alert] });
  }
  return lines;
}
