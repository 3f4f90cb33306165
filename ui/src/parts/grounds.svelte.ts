/** By what this person's views are opened where an agreement has conditions: an open incident, or
 * a glass they have broken. Held here for all screens, so that a tile and its enlargement agree. */
import {
  api,
  type Answer,
  type Approval,
  type BreakGlass,
  type Camera,
  type Me,
  type Session,
} from '../api/client';
import { causeGiven, ORDINARY, waived, type Given } from './cause';

/** How often it is looked whether another institution has approved. */
const LOOK_MS = 5_000;

/** Which question stands on the screen about a camera, or about an act to be justified. */
export type Asking =
  | { kind: 'glass' | 'incident' | 'approval'; camera: string; purpose: string }
  | { kind: 'justify'; act: BreakGlass };

export class Grounds {
  /** One's own acts, a commander's everybody's: first those to be justified. */
  acts = $state.raw<BreakGlass[]>([]);
  /** What other institutions were asked, and whether they have approved. */
  approvals = $state.raw<Approval[]>([]);
  asking = $state.raw<Asking | null>(null);
  /** Camera -> the incident that it is watched for. */
  private incidents = $state.raw<Readonly<Record<string, string>>>({});
  /** Camera -> the act of this person that runs there. */
  private running = $state.raw<Readonly<Record<string, BreakGlass>>>({});
  /** Views that the dialog has opened, until a tile takes them. */
  private readonly handed = new Map<string, Session>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly looking: ReturnType<typeof setInterval> | undefined;
  readonly mayBreak: boolean;

  /** `isOpen`: whether an incident is open still; `now`: the center's unix milliseconds. */
  constructor(
    private readonly me: Me,
    private readonly isOpen: (incident: string) => boolean,
    private readonly now: () => number,
  ) {
    this.mayBreak = me.role === 'operator' || me.role === 'commander';
    if (me.role === 'coordinator') return;
    void this.renew();
    void this.lookForApprovals();
    // Only while something is asked: then people wait for it.
    this.looking = setInterval(() => {
      if (this.approvals.length > 0) void this.lookForApprovals();
    }, LOOK_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    clearInterval(this.looking);
  }

  /** Those that still have to be justified, the most urgent first. */
  get owed(): BreakGlass[] {
    return this.acts.filter((act) => act.justified_ms === 0);
  }

  of(camera: string): Given {
    const incident = this.incidents[camera] ?? '';
    return {
      incident: this.isOpen(incident) ? incident : '',
      act: this.running[camera]?.act ?? '',
      approved: (this.approval(camera)?.approved_by.length ?? 0) > 0,
    };
  }

  /** What was asked of other institutions for live views of this camera by this person's unit: what
   * they have approved before what waits. */
  approval(camera: string): Approval | undefined {
    const asked = this.approvals.filter(
      (one) => one.action === 'live' && one.unit === this.me.unit && one.cameras.includes(camera),
    );
    return asked.find((one) => one.approved_by.length > 0) ?? asked[0];
  }

  async ask(camera: string, purpose: string, why: string, untilMs: number): Promise<Answer<Approval>> {
    const answer = await api.askApproval(camera, purpose, why, untilMs);
    await this.lookForApprovals();
    return answer;
  }

  private async lookForApprovals(): Promise<void> {
    const answer = await api.approvals();
    if ('ok' in answer) this.approvals = answer.ok;
  }

  /** When what was broken for this camera is over, unix milliseconds; 0 when nothing was. */
  endsMs(camera: string): number {
    return this.running[camera]?.ends_ms ?? 0;
  }

  /** Why the camera has no picture here, '' when this person may ask for it. */
  causeOf(camera: Camera): string {
    return causeGiven(camera, this.of(camera.id));
  }

  /** Whether breaking the glass is a way to this camera. */
  offers(camera: Camera): boolean {
    return this.mayBreak && camera.break_glass && waived(this.causeOf(camera));
  }

  watchFor(camera: string, incident: string): void {
    this.incidents = { ...this.incidents, [camera]: incident };
  }

  async breakGlass(camera: string, purpose: string, why: string): Promise<Answer<Session>> {
    const answer = await api.openSession(camera, purpose, 'sub', ORDINARY, why);
    if ('ok' in answer) this.handed.set(camera, answer.ok);
    // Also after a refusal: an answer that was lost leaves something to be justified.
    await this.renew();
    return answer;
  }

  /** A view that is open already for this camera and stream, once. */
  take(camera: string, stream: Session['stream']): Session | undefined {
    const session = this.handed.get(camera);
    if (session?.stream !== stream) return undefined;
    this.handed.delete(camera);
    return session;
  }

  async justify(act: string, text: string): Promise<Answer<BreakGlass>> {
    const answer = await api.justify(act, text);
    await this.renew();
    return answer;
  }

  async renew(): Promise<void> {
    const answer = await api.breakGlass();
    if (!('ok' in answer)) return;
    this.acts = answer.ok;
    this.look();
  }

  /** What runs now; looked at again when the next of them is over. */
  private look(): void {
    const now = this.now();
    const mine = this.acts.filter(
      (act) => act.account === this.me.account && act.ends_ms > now && act.agreement !== '',
    );
    this.running = Object.fromEntries(mine.map((act) => [act.camera, act]));
    clearTimeout(this.timer);
    if (mine.length === 0) return;
    const nextMs = Math.min(...mine.map((act) => act.ends_ms)) - now;
    this.timer = setTimeout(() => this.look(), nextMs + 50);
  }
}
