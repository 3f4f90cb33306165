/** Times as people read them: `23 Nov 2026 17.40.12 WIB`, the zone always said. */
import { fill, type Words } from './words';

const ZONES: Record<number, string> = { 420: 'WIB', 480: 'WITA', 540: 'WIT' };

/** The zone's name for minutes east of UTC; outside Indonesia the offset itself. */
export function zoneName(offsetMinutes: number): string {
  const known = ZONES[offsetMinutes];
  if (known !== undefined) return known;
  const size = Math.abs(offsetMinutes);
  const rest = size % 60;
  const minutes = rest === 0 ? '' : `.${String(rest).padStart(2, '0')}`;
  return `UTC${offsetMinutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${minutes}`;
}

/** Every Serambi house is in Indonesia; a computer set to another zone still shows this one. */
export function houseOffset(localOffsetMinutes: number): number {
  return localOffsetMinutes in ZONES ? localOffsetMinutes : 420;
}

const two = (n: number) => String(n).padStart(2, '0');

export class Times {
  readonly zone: string;

  /** `offsetMinutes`: the zone that is shown, minutes east of UTC. */
  constructor(
    private readonly words: Words,
    private readonly offsetMinutes: number,
  ) {
    this.zone = zoneName(offsetMinutes);
  }

  private at(ms: number): Date {
    return new Date(ms + this.offsetMinutes * 60_000);
  }

  day(ms: number): string {
    const at = this.at(ms);
    const month = this.words.common.months.split(' ')[at.getUTCMonth()] ?? '';
    return `${at.getUTCDate()} ${month} ${at.getUTCFullYear()}`;
  }

  minute(ms: number): string {
    const at = this.at(ms);
    return `${two(at.getUTCHours())}.${two(at.getUTCMinutes())}`;
  }

  second(ms: number): string {
    return `${this.minute(ms)}.${two(this.at(ms).getUTCSeconds())}`;
  }

  /** `23 Nov 2026 17.40.12 WIB` */
  clock(ms: number): string {
    return `${this.day(ms)} ${this.second(ms)} ${this.zone}`;
  }

  /** `17.40.05 WIB` */
  timeOfDay(ms: number): string {
    return `${this.second(ms)} ${this.zone}`;
  }

  /** `16.55 WIB` today, with its day otherwise. */
  moment(ms: number, now: number): string {
    const day = this.day(ms) === this.day(now) ? '' : `${this.day(ms)} `;
    return `${day}${this.minute(ms)} ${this.zone}`;
  }

  /** `16.55 WIB (45 mnt)`; an empty text when it is not known. */
  since(ms: number, now: number): string {
    if (ms <= 0) return '';
    return `${this.moment(ms, now)} (${this.span(now - ms)})`;
  }

  /** Two units at most, the smaller one only when it says something: `16 hari 6 j`, `45 mnt`. */
  span(ms: number): string {
    const { day, hour, minute, second } = this.words.common;
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const days = Math.floor(seconds / 86_400);
    const hours = Math.floor((seconds % 86_400) / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    const both = (big: string, n: number, small: string, m: number) =>
      m === 0 ? fill(big, { n }) : `${fill(big, { n })} ${fill(small, { n: m })}`;
    if (days > 0) return both(day, days, hour, hours);
    if (hours > 0) return both(hour, hours, minute, minutes);
    if (minutes > 0) return fill(minute, { n: minutes });
    return fill(second, { n: seconds });
  }

  /** `sisa 16 hari 6 j` */
  left(untilMs: number, now: number): string {
    const { left, ended } = this.words.common;
    return untilMs <= now ? ended : fill(left, { time: this.span(untilMs - now) });
  }

  /** `0,4 dtk`: one decimal below 100 s, with the language's decimal sign. */
  seconds(ms: number, language: string): string {
    const value = Math.max(0, ms) / 1000;
    if (value >= 100) return this.span(ms);
    const text = (Math.floor(value * 10) / 10).toFixed(1);
    const { second } = this.words.common;
    return fill(second, { n: language === 'id' ? text.replace('.', ',') : text });
  }
}
