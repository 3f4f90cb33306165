/** The seam between a stream and whatever draws it. */

export interface StreamConfig {
  codec: string;
  record: string;
  width: number;
  height: number;
}

export interface EngineEvents {
  /** A picture captured at this unix millisecond is on screen. */
  shown(capturedMs: number): void;
  /** It cannot go on; the stream must begin again. `fatal`: trying again will not help. */
  failed(why: string, fatal: boolean): void;
}

export interface Engine {
  /** What the engine asks the center for: the `format` of the WebSocket. */
  readonly format: 'fmp4' | 'units';
  /** The element that shows the pictures. */
  readonly element: HTMLElement;
  configure(config: StreamConfig): void;
  push(bytes: Uint8Array<ArrayBuffer>): void;
  /** The element was put elsewhere in the page, or the page is seen again. */
  shownAgain(): void;
  /** Remove every picture at once and give everything back. */
  destroy(): void;
}

export type MakeEngine = (events: EngineEvents) => Engine;
