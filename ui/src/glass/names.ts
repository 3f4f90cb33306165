/** What acts are called on the screens. */
import type { BreakGlass, Camera } from '../api/client';
import type { Language } from '../parts/words';

/** `105 Gerbang, Gudang KPU`; a camera that is shared no more goes by its id. */
export function placeOf(act: BreakGlass, cameras: readonly Camera[], language: Language): string {
  const camera = cameras.find((one) => one.id === act.camera);
  if (camera === undefined) return `${act.camera}, ${act.site}`;
  return `${camera.number} ${camera.name[language]}, ${camera.site_name[language]}`;
}
