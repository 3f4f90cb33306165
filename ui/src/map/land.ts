/** How the ground looks: the drawing of a town, and vector tiles where there are some. */
import type { FeatureLike } from 'ol/Feature';
import Fill from 'ol/style/Fill';
import Stroke from 'ol/style/Stroke';
import Style from 'ol/style/Style';
import Text from 'ol/style/Text';
import type { Language } from '../parts/words';
import type { Colors, Token } from './colors';

/** Of a drawing: the property `kind` of its features; of tiles: the name of the layer. */
type Kind = 'water' | 'park' | 'yard' | 'building' | 'public' | 'street';

const TILE_LAYERS: Record<string, Kind> = {
  water: 'water',
  landuse: 'park',
  park: 'park',
  buildings: 'building',
  building: 'building',
  roads: 'street',
  transportation: 'street',
};
const AREAS: Record<Exclude<Kind, 'street'>, { fill: Token; edge: Token | null; order: number }> = {
  water: { fill: 'accent-tint', edge: null, order: 0 },
  park: { fill: 'live-tint', edge: null, order: 0 },
  yard: { fill: 'bg2', edge: 'line', order: 2 },
  building: { fill: 'bg2', edge: null, order: 2 },
  public: { fill: 'bg3', edge: 'line', order: 3 },
};
const NAMES_FROM_M_PER_PX = 2.5;
const STREET_WIDTH_M = 7;
const FONT = '500 13px "Noto Sans", sans-serif';

export class Land {
  private readonly areas: Record<string, Style>;

  constructor(
    private readonly colors: Colors,
    private readonly light: boolean,
    private readonly language: Language,
  ) {
    this.areas = Object.fromEntries(
      Object.entries(AREAS).map(([kind, { fill, edge, order }]) => [
        kind,
        new Style({
          fill: new Fill({ color: colors.of(fill) }),
          ...(edge === null ? {} : { stroke: new Stroke({ color: colors.of(edge), width: 1 }) }),
          zIndex: order,
        }),
      ]),
    );
  }

  /** The style of one feature; nothing for what this map does not draw. `resolution`: meters on the
   * map for each pixel. */
  readonly style = (feature: FeatureLike, resolution: number): Style[] | undefined => {
    const layer = String(feature.get('layer') ?? '');
    const kind = layer === '' ? String(feature.get('kind') ?? '') : (TILE_LAYERS[layer] ?? '');
    const label = this.name(feature, resolution, kind === 'street');
    if (kind === 'street') return [...this.street(feature, resolution), ...label];
    const area = this.areas[kind];
    return area === undefined ? undefined : [area, ...label];
  };

  private street(feature: FeatureLike, resolution: number): Style[] {
    const width = Number(feature.get('width_m')) || STREET_WIDTH_M;
    const color = this.colors.of(this.light ? 'bg0' : 'bg3');
    const wide = Math.max(1.5, width / resolution);
    const middle = new Stroke({ color, width: wide, lineCap: 'butt' });
    const edge = new Stroke({ color: this.colors.of('line'), width: wide + 1.5, lineCap: 'butt' });
    // Edges below every middle, so that crossings are open.
    const outer = this.light ? [new Style({ stroke: edge, zIndex: 3 })] : [];
    return [...outer, new Style({ stroke: middle, zIndex: 4 })];
  }

  private name(feature: FeatureLike, resolution: number, along: boolean): Style[] {
    const given: unknown = feature.get('name');
    const text =
      typeof given === 'object' && given !== null
        ? (given as Partial<Record<Language, string>>)[this.language]
        : (given as string | undefined);
    if (typeof text !== 'string' || text === '' || resolution > NAMES_FROM_M_PER_PX) return [];
    const label = new Text({
      text,
      font: FONT,
      fill: new Fill({ color: this.colors.of('text-2') }),
      stroke: new Stroke({ color: this.colors.of('bg1'), width: 3 }),
      ...(along ? { placement: 'line', repeat: 500 } : { overflow: true }),
    });
    return [new Style({ text: label, zIndex: 5 })];
  }
}
