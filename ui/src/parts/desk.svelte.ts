/** Alerts, incidents and handovers as the center knows them, and what this person writes. */
import {
  api,
  type Alert,
  type Answer,
  type Answered,
  type DeskEvent,
  type Incident,
  type IncidentWish,
  type Layout,
  type LayoutWish,
  type Me,
  type Queue,
  type Report,
  type Said,
  type SavedWalls,
  type ShelfWish,
  type Summary,
} from '../api/client';
import { Latest } from './latest';
import { Outbox, type Write } from './outbox';
import { store, stored } from './settings.svelte';

const NOTHING: DeskEvent = {
  type: 'desk',
  alerts: 0,
  incidents: 0,
  handovers: 0,
  walls: 0,
  waiting: 0,
  urgent: 0,
  open_incidents: 0,
};

export class Desk {
  /** What waits, in numbers; comes before the lists. */
  counts = $state.raw<DeskEvent>(NOTHING);
  queue = $state.raw<Queue | null>(null);
  incidents = $state.raw<Summary[]>([]);
  walls = $state.raw<SavedWalls>({ layouts: [], monitors: [] });
  wallsKnown = $state(false);
  /** Written here and not confirmed yet. */
  unsent = $state.raw<Write[]>([]);
  /** What the center said to a write that it did not take, '' when there is none. */
  refused = $state('');
  readonly mayRead: boolean;
  readonly mayHandle: boolean;
  readonly mayClose: boolean;

  private readonly outbox: Outbox;
  private readonly queueNow = new Latest(api.alerts, (answer) => {
    if ('ok' in answer) this.queue = answer.ok;
  });
  private readonly incidentsNow = new Latest(api.incidents, (answer) => {
    if ('ok' in answer) this.incidents = answer.ok;
  });

  private readonly wallsNow = new Latest(api.walls, (answer) => {
    if (!('ok' in answer)) return;
    this.walls = answer.ok;
    this.wallsKnown = true;
  });

  constructor(me: Me, now: () => number) {
    this.mayRead = me.role !== 'coordinator';
    this.mayHandle = me.role === 'operator' || me.role === 'commander';
    this.mayClose = me.role === 'commander';
    const place = `outbox.${me.account}`;
    this.outbox = new Outbox(
      {
        send: (write) => api.write(write.path, write.body, write.key),
        load: () => stored(place),
        keep: (text) => store(place, text),
        wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        newKey,
        now,
      },
      (waiting) => (this.unsent = waiting),
    );
  }

  close(): void {
    this.outbox.close();
  }

  /** The center says that something has happened, or which state we begin with. */
  told(event: DeskEvent): void {
    const arranged = event.walls !== this.counts.walls || !this.wallsKnown;
    this.counts = event;
    if (!this.mayRead) return;
    if (arranged) void this.wallsNow.renew();
    void this.queueNow.renew();
    void this.incidentsNow.renew();
  }

  async answer(alerts: Alert[], answer: Answered): Promise<void> {
    const ids = alerts.map((alert) => alert.id);
    await this.write('/api/alerts/answers', { alerts: ids, answer });
    await this.queueNow.renew();
  }

  report(wish: Report): Promise<Answer<Alert>> {
    return this.write('/api/alerts', wish);
  }

  shelve(wish: ShelfWish): Promise<Answer<unknown>> {
    return this.write('/api/shelves', wish);
  }

  open(wish: IncidentWish): Promise<Answer<Incident>> {
    return this.write('/api/incidents', wish);
  }

  add(incident: string, said: Said): Promise<Answer<Incident>> {
    return this.write(`/api/incidents/${incident}/steps`, { said });
  }

  /** `id` of the one it is put in the place of, '' for a new one. */
  async saveLayout(id: string, wish: LayoutWish): Promise<Answer<Layout>> {
    const answer = await this.write<Layout>(id === '' ? '/api/layouts' : `/api/layouts/${id}`, wish);
    await this.wallsNow.renew();
    return answer;
  }

  async removeLayout(id: string): Promise<void> {
    const answer = await api.removeLayout(id);
    this.refused = 'failure' in answer ? answer.failure.what : '';
    await this.wallsNow.renew();
  }

  /** '' to show nothing there. */
  async showOn(monitor: number, layout: string): Promise<void> {
    await this.write(`/api/monitors/${monitor}`, { layout });
    await this.wallsNow.renew();
  }

  /** Files are not kept here: one that does not arrive is chosen again. */
  async attach(incident: string, file: File): Promise<void> {
    const answer = await api.attach(incident, file, newKey());
    this.refused = 'failure' in answer ? answer.failure.what || file.name : '';
  }

  /** Any write; what is refused for good is said on the screen. */
  async write<T>(path: string, body: unknown): Promise<Answer<T>> {
    const answer = await this.outbox.post<T>(path, body);
    this.refused = 'failure' in answer ? answer.failure.what : '';
    return answer;
  }
}

/** Also where the page is served without TLS, and `crypto.randomUUID` does not exist. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
