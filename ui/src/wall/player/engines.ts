/** Which engine draws which stream, the preferred one first. */
import type { Stream } from '../../api/client';
import type { MakeEngine } from './engine';
import { MseEngine } from './mse';
import { hasWebCodecs, warm, WebCodecsEngine } from './webcodecs';

const mse: MakeEngine = (events) => new MseEngine(events);
const webCodecs: MakeEngine = (events) => new WebCodecsEngine(events);

/** Main streams are enlarged: there delay counts. Many small ones cost least in MediaSource. */
export function enginesFor(stream: Stream): readonly [MakeEngine, ...MakeEngine[]] {
  if (!hasWebCodecs()) return [mse];
  warm();
  return stream === 'main' ? [webCodecs, mse] : [mse];
}
