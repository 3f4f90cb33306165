/** One line of the timeline, in words. */
import type { Entry, Incident } from '../api/client';
import { kindName } from '../alerts/names';
import type { Sign } from '../parts/signs';
import { fill, type Words } from '../parts/words';
import { itemNamed } from './names';

export interface Line {
  sign: Sign;
  tone: '' | 'live' | 'late' | 'over' | 'off' | 'alert';
  title: string;
  text: string;
  /** Where the text leads, '' where it leads nowhere. */
  href: string;
}

/** `camera`: a camera's number by its id. A person's name stands in front of what they wrote, so
 * a note has no title of its own. */
export function lineOf(
  words: Words,
  incident: Incident,
  { said }: Entry,
  camera: (id: string) => string,
): Line {
  const w = words.incidents;
  const plain = (sign: Sign, title: string, tone: Line['tone'] = '', text = ''): Line => ({
    sign,
    tone,
    title,
    text,
    href: '',
  });
  switch (said.kind) {
    case 'opened':
      return plain('flag', w.said_opened, 'live', said.title);
    case 'alert_added': {
      const what = kindName(words, said.what);
      const title = fill(w.said_alert_added, { priority: `P${said.priority}`, what });
      return plain('bell', title, 'alert', said.text);
    }
    case 'noted':
      return plain('pen', '', '', said.text);
    case 'attached': {
      const line = plain('clip', w.said_attached, '', said.name);
      return { ...line, href: `/api/incidents/${incident.id}/files/${said.file}` };
    }
    case 'view_opened': {
      const who = `${said.person.name}, ${said.person.unit}`;
      const title = fill(w.said_view, { number: camera(said.camera) });
      return plain('eye', title, '', fill(w.said_view_seen, { who }));
    }
    case 'item_added':
      return plain('list', fill(w.said_item_added, { text: said.text }));
    case 'item_set': {
      const text = itemNamed(words, incident, said.item);
      const done = said.state === 'done';
      return plain(done ? 'check' : 'list', fill(w[`said_item_${said.state}`], { text }), done ? 'live' : '');
    }
    case 'task_added':
      return plain('hourglass', fill(w.said_task_added, said), '', joined(said.who, said.party));
    case 'task_set': {
      const text = taskText(incident, said.task);
      const done = said.state === 'done';
      return plain(done ? 'check' : 'hourglass', fill(w[`said_task_${said.state}`], { text }), done ? 'live' : '');
    }
    case 'task_late':
      return plain('late', fill(w.said_task_late, { text: taskText(incident, said.task) }), 'over');
    case 'joined':
      return plain('people', fill(w.said_joined, said), '', w[`is_${said.state}`]);
    case 'participant_set': {
      const title = fill(w.said_participant, personOf(incident, said.participant));
      const tone = said.state === 'needs_help' ? 'alert' : '';
      return plain('people', title, tone, w[`is_${said.state}`]);
    }
    case 'reach_asked':
      return plain('phone', fill(w.said_reach_asked, personOf(incident, said.participant)));
    case 'reach_held':
      return plain('moon', fill(w.said_reach_held, personOf(incident, said.participant)), 'late');
    case 'told': {
      const who = { ...personOf(incident, said.participant), way: said.way };
      if (said.why === '') return plain('check', fill(w.said_told, who), 'live');
      return plain('unplugged', fill(w.said_not_told, who), 'over', w[`not_told_${said.why}`]);
    }
    case 'camera_turned': {
      const reasons = words.reason as Record<string, string>;
      const text =
        said.state === 'open'
          ? w.said_camera_open
          : said.state === 'offline'
            ? w.said_camera_offline
            : (reasons[said.state] ?? said.state);
      const title = fill(w.said_camera, { number: camera(said.camera) });
      return plain('camera', title, said.state === 'open' ? 'live' : 'off', text);
    }
    case 'closed':
      return plain('lock', fill(w.said_closed, { outcome: w[`outcome_${said.outcome}`] }), '', said.text);
    case 'reopened':
      return plain('flag', w.said_reopened);
  }
}

const joined = (...parts: string[]) => parts.filter((part) => part !== '').join(', ');

function personOf(incident: Incident, participant: string): { who: string; party: string } {
  const one = incident.participants.find(({ id }) => id === participant);
  return { who: one?.who ?? '', party: one?.party ?? '' };
}

function taskText(incident: Incident, task: string): string {
  return incident.tasks.find(({ id }) => id === task)?.text ?? task;
}
