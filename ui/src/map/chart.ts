/** The map itself, drawn by OpenLayers: the ground, and the marks that the list has too.
 *
 * No framework in here. It is loaded when the map is first opened, and asks nobody but the center,
 * unless its settings name a tile server. */
import { PMTilesRasterSource, PMTilesVectorSource } from 'ol-pmtiles';
import { PMTiles, TileType } from 'pmtiles';
import ScaleLine from 'ol/control/ScaleLine';
import { isEmpty } from 'ol/extent';
import Feature from 'ol/Feature';
import GeoJSON from 'ol/format/GeoJSON';
import Point from 'ol/geom/Point';
import Polygon from 'ol/geom/Polygon';
import { defaults as usualInteractions } from 'ol/interaction/defaults';
import type Layer from 'ol/layer/Layer';
import TileLayer from 'ol/layer/Tile';
import VectorLayer from 'ol/layer/Vector';
import VectorTileLayer from 'ol/layer/VectorTile';
import OlMap from 'ol/Map';
import { fromLonLat } from 'ol/proj';
import VectorSource from 'ol/source/Vector';
import XYZ from 'ol/source/XYZ';
import View from 'ol/View';
import type { Ground } from '../api/client';
import type { Language } from '../parts/words';
import { Colors } from './colors';
import { cone } from './geometry';
import { Land } from './land';
import { Marks, type Shown } from './marks';

const CONE_M = 45;
const DRAWING = '/api/map/drawing';
const ARCHIVE = '/api/map/archive';
const HIT_PX = 6;
const EDGE_PX = 64;
const MOTION_MS = 120;
const ZOOM_FIRST_MAX = 18;
const START = { center: fromLonLat([118, -2]), zoom: 5, minZoom: 3, maxZoom: 21 };

export class Chart {
  private readonly drawing = new VectorSource();
  private readonly cones = new VectorSource();
  private readonly points = new VectorSource();
  private readonly land = new VectorLayer({ source: this.drawing, declutter: true, zIndex: 1 });
  private readonly coneLayer = new VectorLayer({ source: this.cones, zIndex: 2 });
  private readonly pointLayer = new VectorLayer({ source: this.points, zIndex: 3 });
  private readonly map: OlMap;
  private tiles: VectorTileLayer | null = null;
  private marks = new Marks(new Colors());
  private selected = '';
  private fitted = false;

  /** `picked` is told which mark was clicked, `opened` which one twice. */
  constructor(
    private readonly element: HTMLElement,
    picked: (key: string) => void,
    opened: (key: string) => void,
  ) {
    this.map = new OlMap({
      target: element,
      layers: [this.land, this.coneLayer, this.pointLayer],
      view: new View({ ...START, enableRotation: false }),
      controls: [new ScaleLine({ minWidth: 80 })],
      interactions: usualInteractions({ doubleClickZoom: false, keyboard: false }),
    });
    this.map.on('click', ({ pixel }) => {
      const key = this.at(pixel);
      if (key !== '') picked(key);
    });
    this.map.on('dblclick', ({ pixel }) => {
      const key = this.at(pixel);
      if (key !== '') opened(key);
    });
    this.map.on('pointermove', ({ pixel, dragging }) => {
      if (!dragging) element.style.cursor = this.at(pixel) === '' ? '' : 'pointer';
    });
  }

  close(): void {
    this.map.setTarget(undefined);
    this.map.dispose();
  }

  /** Reads what the map is drawn on; false when there is something that cannot be used. */
  async lay(ground: Ground): Promise<boolean> {
    if (ground.tiles !== '') this.below(new TileLayer({ source: new XYZ({ url: ground.tiles }) }));
    const used = await Promise.allSettled([
      ground.archive ? this.layArchive() : undefined,
      ground.drawing ? this.layDrawing() : undefined,
    ]);
    return ground.trouble === '' && used.every(({ status }) => status === 'fulfilled');
  }

  private below(layer: Layer): void {
    layer.setZIndex(0);
    this.map.addLayer(layer);
  }

  private async layArchive(): Promise<void> {
    const url = new URL(ARCHIVE, location.origin).href;
    const { tileType } = await new PMTiles(url).getHeader();
    if (tileType === TileType.Mvt) {
      this.tiles = new VectorTileLayer({ source: new PMTilesVectorSource({ url }), declutter: true });
      this.below(this.tiles);
    } else {
      this.below(new TileLayer({ source: new PMTilesRasterSource({ url, tileSize: [256, 256] }) }));
    }
  }

  private async layDrawing(): Promise<void> {
    const response = await fetch(DRAWING);
    if (!response.ok) throw new Error(String(response.status));
    const read = new GeoJSON({ featureProjection: this.map.getView().getProjection() });
    this.drawing.addFeatures(read.readFeatures(await response.json()));
  }

  /** Takes the page's colors and language as they are now. */
  paint(light: boolean, language: Language): void {
    const colors = new Colors();
    this.marks = new Marks(colors);
    const land = new Land(colors, light, language);
    this.land.setStyle(land.style);
    this.tiles?.setStyle(land.style);
    for (const source of [this.cones, this.points]) source.forEachFeature((one) => this.dress(one));
  }

  /** Shows these and no other. The first time, all of them come into sight. */
  show(shown: readonly Shown[]): void {
    this.points.clear(true);
    this.cones.clear(true);
    this.points.addFeatures(shown.map((one) => this.feature(one, pointOf(one))));
    const seeing = shown.filter(({ kind, sector }) => kind === 'camera' && sector !== null);
    this.cones.addFeatures(seeing.map((one) => this.feature(one, coneOf(one))));
    // For tests, which cannot read a canvas.
    this.element.dataset['shown'] = String(shown.length);
    if (!this.fitted && shown.length > 0) {
      this.fitted = true;
      this.whole(0);
    }
  }

  private feature(shown: Shown, geometry: Point | Polygon): Feature {
    const feature = new Feature(geometry);
    feature.set('shown', shown, true);
    this.dress(feature);
    return feature;
  }

  private dress(feature: Feature): void {
    const shown = feature.get('shown') as Shown;
    const selected = shown.key === this.selected;
    const point = feature.getGeometry() instanceof Point;
    feature.setStyle(point ? this.marks.mark(shown, selected) : this.marks.cone(shown, selected));
  }

  /** Marks one of those that are shown, and brings it into sight. */
  select(key: string): void {
    const before = this.selected;
    this.selected = key;
    for (const source of [this.cones, this.points]) {
      source.forEachFeature((feature) => {
        const own = (feature.get('shown') as Shown).key;
        if (own === before || own === key) this.dress(feature);
        if (own === key && key !== before && source === this.points) this.bring(feature);
      });
    }
  }

  private bring(feature: Feature): void {
    const at = (feature.getGeometry() as Point).getCoordinates();
    const pixel = this.map.getPixelFromCoordinate(at) as number[] | null;
    const [width = 0, height = 0] = this.map.getSize() ?? [];
    if (pixel === null) return;
    const [x = 0, y = 0] = pixel;
    const inside = (value: number, size: number) => value > EDGE_PX && value < size - EDGE_PX;
    if (inside(x, width) && inside(y, height)) return;
    this.map.getView().animate({ center: at, duration: motion() });
  }

  zoom(by: number): void {
    const view = this.map.getView();
    view.animate({ zoom: (view.getZoom() ?? START.zoom) + by, duration: motion() });
  }

  /** Brings everything that is shown into sight. */
  whole(duration = motion()): void {
    const extent = this.points.getExtent();
    if (extent === null || isEmpty(extent)) return;
    const padding = [EDGE_PX, EDGE_PX, EDGE_PX, EDGE_PX];
    this.map.getView().fit(extent, { padding, maxZoom: ZOOM_FIRST_MAX, duration });
  }

  private at(pixel: number[]): string {
    const layerFilter = (layer: unknown) => layer === this.pointLayer || layer === this.coneLayer;
    const [found] = this.map.getFeaturesAtPixel(pixel, { hitTolerance: HIT_PX, layerFilter });
    return (found?.get('shown') as Shown | undefined)?.key ?? '';
  }
}

const pointOf = ({ at }: Shown) => new Point(fromLonLat([at.longitude_deg, at.latitude_deg]));

function coneOf({ sector }: Shown): Polygon {
  const ring = sector === null ? [] : cone(sector, CONE_M);
  return new Polygon([ring.map((corner) => fromLonLat(corner))]);
}

const motion = () => (matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : MOTION_MS);
