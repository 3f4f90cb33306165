/** The seam between a view and whatever draws it. */
import type { Said } from './line';

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
  said(said: Said): void;
  /** The WebSocket was closed, not by us. What is on the screen stays. */
  closed(): void;
}

export interface Engine {
  /** What the engine asks the center for: the `format` of the WebSocket. */
  readonly format: 'fmp4' | 'units';
  /** The element that shows the pictures. */
  readonly element: HTMLElement;
  /** Draw what comes over the WebSocket at `url`, instead of one it had before. */
  open(url: string): void;
  /** The element was put elsewhere in the page, or the page is seen again. */
  shownAgain(): void;
  /** Close the WebSocket, remove every picture at once and give everything back. */
  destroy(): void;
}

export type MakeEngine = (events: EngineEvents) => Engine;
