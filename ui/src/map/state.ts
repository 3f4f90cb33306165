/** How an entry stands: a sign, a word, a color. A picture's lag is measured only where one is
 * watched, so nothing on the map is called live. */
import { causeNamed, causeOf } from '../parts/cause';
import type { Sign } from '../parts/signs';
import type { Words } from '../parts/words';
import { SIGNS, type Tone as CauseTone } from '../wall/signs';
import type { Entry } from './entries';

export type Tone = CauseTone | 'open' | 'incident';

export interface Standing {
  sign: Sign;
  tone: Tone;
  word: string;
}

/** `silent`: the center is not heard, so that only the last known is known. */
export function standingOf(entry: Entry, silent: boolean, words: Words): Standing {
  if (entry.kind === 'incident') {
    return { sign: 'flag', tone: 'incident', word: words.incidents.state_open };
  }
  if (silent) return { sign: 'late', tone: 'late', word: words.map.last_known };
  if (entry.kind === 'site') {
    const { online, waiting, cameras } = entry.site;
    if (!online) return { sign: 'unplugged', tone: 'off', word: words.wall.state_site_offline };
    if (waiting.length > 0 && cameras === 0) {
      return { sign: 'pen', tone: 'wait', word: words.wall.waiting_short };
    }
    return { sign: 'check', tone: 'open', word: words.map.connected };
  }
  const code = causeOf(entry.camera);
  if (code === '') return { sign: 'eye', tone: 'open', word: words.map.open };
  const cause = causeNamed(code);
  return { ...SIGNS[cause], word: words.wall[`state_${cause}`] };
}
