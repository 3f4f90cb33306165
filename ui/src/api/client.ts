import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

export type Camera = components['schemas']['Camera'];
export type Site = components['schemas']['Site'];
export type Me = components['schemas']['Me'];
export type Text = components['schemas']['Text'];
export type Session = components['schemas']['Session'];
export type Stream = Session['stream'];
export type StateEvent = components['schemas']['State'];
export type BeatEvent = components['schemas']['Beat'];

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

export const api = {
  me: () => answer<Me>(client.GET('/api/me')),
  signIn: (account: string, password: string) =>
    answer<Me>(client.POST('/api/login', { body: { account, password } })),
  signOut: () => answer(client.POST('/api/logout')),
  openSession: (camera: string, purpose: string, stream: Stream) =>
    answer<Session>(
      client.POST('/api/sessions', { body: { camera, action: 'live', purpose, stream } }),
    ),
  /** `keepalive`: it is also sent when the page is being left. */
  closeSession: (session: string) =>
    answer(
      client.DELETE('/api/sessions/{session}', {
        params: { path: { session } },
        keepalive: true,
      }),
    ),
};

/** The address of a WebSocket of the center that served this page. */
export function socketUrl(path: string): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
}
