/** The queue as it is drawn: steady while a line is under the pointer or has the focus. */
import { steady, type Group } from './groups';

export class Held {
  private key = $state('');
  private order: string[] = [];
  private readonly drawn = $derived.by(() => {
    const groups = steady(this.order, this.now(), this.key);
    this.order = groups.map(({ key }) => key);
    return groups;
  });

  constructor(private readonly now: () => Group[]) {}

  get groups(): Group[] {
    return this.drawn;
  }

  /** For the list that holds the lines, each with `data-key`. */
  readonly watched = {
    onpointerover: (event: PointerEvent) => this.hold(event.target),
    onpointerleave: () => this.hold(null),
    onfocusin: (event: FocusEvent) => this.hold(event.target),
    onfocusout: () => this.hold(null),
  };

  private hold(target: EventTarget | null): void {
    const line = target instanceof Element ? target.closest('[data-key]') : null;
    this.key = line?.getAttribute('data-key') ?? '';
  }
}
