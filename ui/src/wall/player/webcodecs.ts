/** Pictures through WebCodecs: every unit decoded as it comes, only the newest frame drawn. For the
 * one enlarged tile, where delay counts; on a wall MediaSource decodes for less. The work itself is
 * done by a `Painter` in a worker. */
import type { Engine, EngineEvents } from './engine';
import type { Begin, FromPainter, ToPainter } from './painter';

let worker: Worker | null = null;

/** Browsers offer WebCodecs to localhost and over TLS only. */
export function hasWebCodecs(): boolean {
  return (
    'VideoDecoder' in globalThis &&
    'EncodedVideoChunk' in globalThis &&
    'Worker' in globalThis &&
    'transferControlToOffscreen' in HTMLCanvasElement.prototype
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
  private readonly port: MessagePort;
  private readonly worker = warm();
  private over = false;

  constructor(private readonly events: EngineEvents) {
    this.element = document.createElement('canvas');
    this.element.setAttribute('aria-hidden', 'true');
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    port1.onmessage = ({ data }: MessageEvent<FromPainter>) => this.told(data);
    this.worker.addEventListener('error', this.workerFailed);
    const begin: Begin = { canvas: this.element.transferControlToOffscreen(), port: port2 };
    this.worker.postMessage(begin, [begin.canvas, port2]);
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
  }

  private say(said: ToPainter): void {
    this.port.postMessage(said);
  }

  private told(event: FromPainter): void {
    if (this.over) return;
    const [name, ...words] = event;
    (this.events[name] as (...words: unknown[]) => void)(...words);
  }

  /** It never began, or something in it was not caught: the next engine is given a new one. */
  private readonly workerFailed = (event: ErrorEvent): void => {
    if (worker === this.worker) worker = null;
    if (!this.over) this.events.failed(event.message || 'the worker failed', true);
  };
}
