import createClient from 'openapi-fetch';
import type { By } from '../parts/cause';
import type { components, paths } from './schema';

export type Camera = components['schemas']['Camera'];
export type Site = components['schemas']['Site'];
export type Place = components['schemas']['Place'];
export type Sector = components['schemas']['Sector'];
export type Ground = components['schemas']['Ground'];
export type Me = components['schemas']['Me'];
export type Ways = components['schemas']['Ways'];
export type Passkey = components['schemas']['Passkey'];
export type Invitation = components['schemas']['Invitation'];
type NewPasskey = components['schemas']['NewPasskey'];
type UsedPasskey = components['schemas']['UsedPasskey'];
export type Text = components['schemas']['Text'];
export type Session = components['schemas']['Session'];
export type Stream = Session['stream'];
export type Approval = components['schemas']['Approval'];
export type BreakGlass = components['schemas']['BreakGlass'];
export type StateEvent = components['schemas']['State'];
export type BeatEvent = components['schemas']['Beat'];
export type DeskEvent = components['schemas']['Desk'];
export type Layout = components['schemas']['Layout'];
export type LayoutWish = components['schemas']['Arrangement'];
export type SavedWalls = components['schemas']['SavedWalls'];
export type Recordings = components['schemas']['Recordings'];
export type Alert = components['schemas']['Alert'];
export type Queue = components['schemas']['Queue'];
export type Answered = components['schemas']['Answers']['answer'];
export type Report = components['schemas']['Report'];
export type ShelfWish = components['schemas']['ShelfWish'];
export type Summary = components['schemas']['Summary'];
export type Incident = components['schemas']['Incident'];
export type IncidentWish = components['schemas']['IncidentWish'];
export type Said = components['schemas']['Addition']['said'];
export type Entry = components['schemas']['Entry'];
export type Part = components['schemas']['Part'];
export type Link = components['schemas']['Link'];
export type Handover = components['schemas']['Handover'];
export type ShiftAccount = components['schemas']['ShiftAccount'];

/** What went wrong, as the center says it; `status` 0 when it could not be asked. */
export interface Failure {
  status: number;
  kind: string;
  what: string;
  hint: string;
  reason: string;
}

export type Answer<T> = { ok: T } | { failure: Failure };

const client = createClient<paths>({ baseUrl: location.origin });

function failureOf(status: number, body: unknown): Failure {
  const said = (body as { error?: Partial<Failure> } | undefined)?.error ?? {};
  return {
    status,
    kind: said.kind ?? '',
    what: said.what ?? '',
    hint: said.hint ?? '',
    reason: said.reason ?? '',
  };
}

async function answer<T>(
  asked: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<Answer<T>> {
  try {
    const { data, error, response } = await asked;
    return response.ok ? { ok: data as T } : { failure: failureOf(response.status, error) };
  } catch {
    return { failure: failureOf(0, undefined) };
  }
}

async function posted(
  path: string,
  body: BodyInit,
  key: string,
  type = 'application/octet-stream',
): Promise<Answer<unknown>> {
  const headers = { 'Content-Type': type, 'Idempotency-Key': key };
  try {
    const response = await fetch(path, { method: 'POST', headers, body });
    const said: unknown = await response.json().catch(() => undefined);
    return response.ok ? { ok: said } : { failure: failureOf(response.status, said) };
  } catch {
    return { failure: failureOf(0, undefined) };
  }
}

export const api = {
  me: () => answer<Me>(client.GET('/api/me')),
  signIn: (account: string, password: string) =>
    answer<Me>(client.POST('/api/login', { body: { account, password } })),
  ways: () => answer<Ways>(client.GET('/api/login')),
  askPasskey: () => answer<unknown>(client.POST('/api/login/passkey/question')),
  signInByPasskey: (credential: PublicKeyCredentialJSON) =>
    answer<Me>(
      client.POST('/api/login/passkey', { body: { credential: credential as UsedPasskey } }),
    ),
  passkeys: () => answer<Passkey[]>(client.GET('/api/passkeys')),
  newPasskey: () => answer<unknown>(client.POST('/api/passkeys/question')),
  registerPasskey: (name: string, credential: PublicKeyCredentialJSON) =>
    answer<Passkey>(
      client.POST('/api/passkeys', { body: { name, credential: credential as NewPasskey } }),
    ),
  removePasskey: (passkey: string) =>
    answer(client.DELETE('/api/passkeys/{passkey}', { params: { path: { passkey } } })),
  invite: (account: string) =>
    answer<Invitation>(
      client.POST('/api/accounts/{account}/link', { params: { path: { account } } }),
    ),
  signOut: () => answer(client.POST('/api/logout')),
  /** `why` breaks the glass; without it a view under an act is one more of that act. */
  openSession: (camera: string, purpose: string, stream: Stream, by: By, why = '') =>
    answer<Session>(
      client.POST('/api/sessions', {
        body: {
          camera,
          action: 'live',
          purpose,
          stream,
          from_ms: 0,
          to_ms: 0,
          incident: by.incident,
          under_act: by.act !== '',
          break_glass: why,
        },
      }),
    ),
  approvals: () => answer<Approval[]>(client.GET('/api/approvals')),
  askApproval: (camera: string, purpose: string, why: string, untilMs: number) =>
    answer<Approval>(
      client.POST('/api/approvals', {
        body: { cameras: [camera], action: 'live', purpose, why, until_ms: untilMs },
      }),
    ),
  breakGlass: () => answer<BreakGlass[]>(client.GET('/api/break-glass')),
  justify: (act: string, text: string) =>
    answer<BreakGlass>(
      client.POST('/api/break-glass/{act}/justification', {
        params: { path: { act } },
        body: { text },
      }),
    ),
  recordings: (camera: string, purpose: string, incident: string, fromMs: number, toMs: number) =>
    answer<Recordings>(
      client.GET('/api/cameras/{camera}/recordings', {
        params: { path: { camera }, query: { purpose, incident, from_ms: fromMs, to_ms: toMs } },
      }),
    ),
  openPlayback: (camera: string, purpose: string, incident: string, fromMs: number, toMs: number) =>
    answer<Session>(
      client.POST('/api/sessions', {
        body: {
          camera,
          action: 'playback',
          purpose,
          stream: 'main',
          from_ms: fromMs,
          to_ms: toMs,
          incident,
          under_act: false,
          break_glass: '',
        },
      }),
    ),
  /** `keepalive`: it is also sent when the page is being left. */
  closeSession: (session: string) =>
    answer(
      client.DELETE('/api/sessions/{session}', {
        params: { path: { session } },
        keepalive: true,
      }),
    ),
  ground: () => answer<Ground>(client.GET('/api/map')),
  alerts: () => answer<Queue>(client.GET('/api/alerts')),
  incidents: () => answer<Summary[]>(client.GET('/api/incidents')),
  closedIncidents: (before: number | null) =>
    answer<Summary[]>(client.GET('/api/incidents/closed', { params: { query: { before } } })),
  incident: (incident: string) =>
    answer<Incident>(client.GET('/api/incidents/{incident}', { params: { path: { incident } } })),
  handovers: () => answer<Handover[]>(client.GET('/api/handovers')),
  nextHandover: () => answer<ShiftAccount>(client.GET('/api/handovers/next')),
  unshelve: (shelf: string) =>
    answer(client.DELETE('/api/shelves/{shelf}', { params: { path: { shelf } } })),
  walls: () => answer<SavedWalls>(client.GET('/api/walls')),
  removeLayout: (layout: string) =>
    answer(client.DELETE('/api/layouts/{layout}', { params: { path: { layout } } })),
  link: (incident: string, participant: string) =>
    answer<Link>(
      client.POST('/api/incidents/{incident}/participants/{participant}/link', {
        params: { path: { incident, participant } },
      }),
    ),
  part: (token: string) =>
    answer<Part>(client.GET('/api/join', { params: { header: { 'serambi-link': token } } })),
  addToPart: (token: string, said: Said) =>
    answer<Part>(
      client.POST('/api/join/steps', {
        params: { header: { 'serambi-link': token } },
        body: { said },
      }),
    ),
  attach: (incident: string, file: File, key: string): Promise<Answer<unknown>> =>
    posted(`/api/incidents/${incident}/files?name=${encodeURIComponent(file.name)}`, file, key),
  /** A write under its key: sent again, it is not done again. */
  write: (path: string, body: unknown, key: string): Promise<Answer<unknown>> =>
    posted(path, JSON.stringify(body), key, 'application/json'),
};

/** The address of a WebSocket of the center that served this page. */
export function socketUrl(path: string): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
}
