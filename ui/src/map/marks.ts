/** How sites, cameras and incidents look on the map: a color, a line, a sign, a word or number. */
import { asArray, asString } from 'ol/color';
import Fill from 'ol/style/Fill';
import CircleStyle from 'ol/style/Circle';
import Icon from 'ol/style/Icon';
import RegularShape from 'ol/style/RegularShape';
import Stroke from 'ol/style/Stroke';
import Style from 'ol/style/Style';
import Text from 'ol/style/Text';
import type { Place, Sector } from '../api/client';
import { PATHS, type Sign } from '../parts/signs';
import type { Colors, Token } from './colors';
import type { Tone } from './state';

/** One mark of the map, as the list has it too. An incident's `sector` is that of the camera that it
 * began with. */
export interface Shown {
  key: string;
  kind: 'camera' | 'site' | 'incident';
  at: Place;
  sector: Sector | null;
  text: string;
  sign: Sign;
  tone: Tone;
  priority: number;
}

const TONES: Record<Tone, Token> = {
  open: 'accent',
  stop: 'revoked',
  off: 'offline',
  late: 'stale',
  wait: 'text-2',
  incident: 'p1',
};
const CORNERS = [8, 3, 4];
const DASH = [6, 4];
const LABEL_PX = 22;
const SIGN_PX = 16;
const AWAY_PX = 28;
const FONT = '600 13px "Noto Sans", sans-serif';

export class Marks {
  private readonly made = new Map<string, Style[]>();

  constructor(private readonly colors: Colors) {}

  /** The mark at the point itself. */
  mark(shown: Shown, selected: boolean): Style[] {
    const { kind, text, sign, tone, priority, sector } = shown;
    const heading = sector?.heading_deg ?? '';
    const name = [kind, text, sign, tone, priority, heading, selected].join(' ');
    const known = this.made.get(name);
    if (known !== undefined) return known;
    const made = kind === 'incident' ? this.incident(shown, selected) : this.labelled(shown, selected);
    if (selected && kind !== 'incident') made.unshift(this.ring(12, [0, 0]));
    this.made.set(name, made);
    return made;
  }

  /** What a camera can see; dashed and all but empty where no picture comes from. */
  cone({ tone }: Shown, selected: boolean): Style[] {
    const name = ['cone', tone, selected].join(' ');
    const known = this.made.get(name);
    if (known !== undefined) return known;
    const color = this.colors.of(TONES[tone]);
    const open = tone === 'open';
    const edge = new Stroke({
      color: selected ? this.colors.of('focus') : color,
      width: selected ? 2.5 : 1.5,
      ...(open ? {} : { lineDash: DASH }),
    });
    const made = [new Style({ fill: new Fill({ color: thin(color, open ? 0.3 : 0.1) }), stroke: edge })];
    this.made.set(name, made);
    return made;
  }

  private ring(radius: number, displacement: [number, number]): Style {
    const stroke = new Stroke({ color: this.colors.of('focus'), width: 3 });
    return new Style({ image: new CircleStyle({ radius, stroke, displacement }), zIndex: 8 });
  }

  private incident({ priority, sector }: Shown, selected: boolean): Style[] {
    const token = `p${Math.min(4, Math.max(1, priority))}` as Token;
    const fill = new Fill({ color: this.colors.of(token) });
    const stroke = new Stroke({ color: this.colors.of('bg0'), width: 2 });
    const points = CORNERS[priority - 1];
    const radius = points === 3 ? 21 : 17;
    // Flat on top, as the same shapes stand in the lists.
    const angle = points === 3 ? 0 : Math.PI / (points ?? 1);
    const displacement = before(sector);
    const image =
      points === undefined
        ? new CircleStyle({ radius: 15, fill, stroke, displacement })
        : new RegularShape({ points, radius, angle, fill, stroke, displacement });
    const text = new Text({
      text: `P${priority}`,
      font: FONT,
      fill: new Fill({ color: this.colors.of('on-p') }),
      offsetX: displacement[0],
      offsetY: (points === 3 ? 4 : 1) - displacement[1],
    });
    const mark = new Style({ image, text, zIndex: 9 });
    return selected ? [this.ring(22, displacement), mark] : [mark];
  }

  private labelled(shown: Shown, selected: boolean): Style[] {
    const color = this.colors.of(TONES[shown.tone]);
    const stroke = new Stroke({ color, width: 2 });
    const fill = new Fill({ color: this.colors.of('bg0') });
    const dot = new CircleStyle({ radius: shown.kind === 'site' ? 3 : 4.5, fill, stroke });
    const label = this.label(shown, color, selected);
    const ratio = globalThis.devicePixelRatio || 1;
    const icon = new Icon({ img: label, scale: 1 / ratio, displacement: this.beside(shown, label.width / ratio) });
    const zIndex = selected ? 7 : shown.kind === 'camera' ? 6 : 5;
    return [new Style({ image: dot, zIndex }), new Style({ image: icon, zIndex })];
  }

  /** Behind the camera, so that its own cone stays free. */
  private beside({ kind, sector }: Shown, width: number): [number, number] {
    if (kind === 'site') return [0, LABEL_PX];
    const turn = ((sector?.heading_deg ?? 180) * Math.PI) / 180;
    return [-Math.sin(turn) * (width / 2 + 9), -Math.cos(turn) * (LABEL_PX / 2 + 9)];
  }

  private label({ kind, text, sign }: Shown, color: string, selected: boolean): HTMLCanvasElement {
    const ratio = globalThis.devicePixelRatio || 1;
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    if (context === null) return canvas;
    context.font = FONT;
    const width = Math.ceil(context.measureText(text).width) + SIGN_PX + 16;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(LABEL_PX * ratio);
    context.scale(ratio, ratio);
    context.font = FONT;
    context.fillStyle = this.colors.of('bg0');
    context.strokeStyle = selected ? this.colors.of('focus') : color;
    context.lineWidth = selected ? 2 : 1.25;
    context.beginPath();
    context.roundRect(1, 1, width - 2, LABEL_PX - 2, 3);
    context.fill();
    // A site's name is a name on the ground, a camera's number a thing of its own.
    if (kind === 'camera' || selected) context.stroke();
    context.fillStyle = this.colors.of('text');
    context.textBaseline = 'middle';
    context.fillText(text, 6, LABEL_PX / 2 + 1);
    context.translate(width - SIGN_PX - 5, (LABEL_PX - SIGN_PX) / 2);
    context.scale(SIGN_PX / 24, SIGN_PX / 24);
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.lineCap = context.lineJoin = 'round';
    context.stroke(new Path2D(PATHS[sign]));
    return canvas;
  }
}

/** In front of the camera, where no label is; below a site, whose name stands above it. */
function before(sector: Sector | null): [number, number] {
  if (sector === null) return [0, -AWAY_PX];
  const turn = (sector.heading_deg * Math.PI) / 180;
  return [Math.sin(turn) * AWAY_PX, Math.cos(turn) * AWAY_PX];
}

/** A color, so much of it. */
export function thin(color: string, share: number): string {
  const [red = 0, green = 0, blue = 0] = asArray(color);
  return asString([red, green, blue, share]);
}
