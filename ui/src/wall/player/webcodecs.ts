/** Pictures through WebCodecs: every unit decoded as it comes, only the newest frame drawn. For the
 * one enlarged tile, where delay counts; on a wall MediaSource decodes for less. It is
 * received and decoded by a `Painter` in a worker, and drawn here. */
import { drawOn } from './draw';
import type { Engine, EngineEvents } from './engine';
import type { Begin, FromPainter, ToPainter } from './painter';

let worker: Worker | null = null;

/** Browsers offer WebCodecs to localhost and over TLS only. */
export function hasWebCodecs(): boolean {
  return (
    'VideoDecoder' in globalThis &&
    'EncodedVideoChunk' in globalThis &&
    'Worker' in globalThis
  );
}

/** The one worker of the page. To be called before it is needed: to begin it takes a while. */
export function warm(): Worker {
  worker ??= new Worker(new URL('./painter.ts', import.meta.url), { type: 'module' });
  return worker;
}

export class WebCodecsEngine implements Engine {
  readonly format = 'units';
  readonly element: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D | null;
  private readonly port: MessagePort;
  private readonly worker = warm();
  private over = false;

  constructor(private readonly events: EngineEvents) {
    this.element = document.createElement('canvas');
    this.element.setAttribute('aria-hidden', 'true');
    this.context = this.element.getContext('2d', { alpha: false });
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    port1.onmessage = ({ data }: MessageEvent<FromPainter>) => this.told(data);
    this.worker.addEventListener('error', this.workerFailed);
    this.worker.postMessage({ port: port2 } satisfies Begin, [port2]);
  }

  open(url: string): void {
    this.say({ open: url });
  }

  /** A canvas keeps its picture wherever it is put. */
  shownAgain(): void {}

  destroy(): void {
    if (this.over) return;
    this.say('destroy');
    this.over = true;
    this.worker.removeEventListener('error', this.workerFailed);
    this.element.remove();
    // Takes the pixels away also from whoever still holds the element.
    this.element.width = 0;
  }

  private say(said: ToPainter): void {
    this.port.postMessage(said);
  }

  private told(event: FromPainter): void {
    if (event[0] === 'frame') {
      this.show(event[1], event[2]);
      return;
    }
    if (this.over) return;
    const [name, ...words] = event;
    (this.events[name] as (...words: unknown[]) => void)(...words);
  }

  /** A frame is closed, or the decoder runs out of them. */
  private show(frame: VideoFrame, capturedMs: number): void {
    if (!this.over) drawOn(this.context, frame);
    frame.close();
    if (!this.over) this.events.shown(capturedMs);
  }

  /** It never began, or something in it was not caught: the next engine is given a new one. */
  private readonly workerFailed = (event: ErrorEvent): void => {
    if (worker === this.worker) worker = null;
    if (!this.over) this.events.failed(event.message || 'the worker failed', true);
  };
}
