// Why somebody's device failed: the newest tries, and the timeline of one.

import { at } from '../api.js';
import { controls, pages } from '../list.js';
import { badge, code, empty, facts, h, href, link, more, note, nothing, section, table, when } from '../ui.js';
import { cameTo, device, modes, relative, sentence, states } from '../words.js';

const who = (a) => a.signed_in_as ?? a.user ?? 'Somebody not known';

function step(event, start) {
  const after = event.at - start;
  return h('li', { class: event.outcome === 'ok' ? null : 'bad' },
    h('p', { class: 'sentence' }, sentence(event.sentence) ?? event.code, event.details && h('span', { class: 'details' }, ` ${event.details}`)),
    h('p', { class: 'quiet' }, `${event.stage} · `, when(event.at), after > 0 && ` · ${after} s after the start`, ' · ', code(event.code)),
    event.todo && event.outcome !== 'ok' && note('todo', h('strong', {}, 'What to do: '), event.todo),
    event.person && event.outcome !== 'ok' && more('What the person was told', `told ${event.seq}`, h('p', {}, event.person)));
}

// The last event that says what went wrong; the whole story where all went well.
function verdict(a) {
  const cause = a.timeline.filter((e) => e.outcome !== 'ok').at(-1);
  if (cause && ['failed', 'stopped'].includes(cameTo(a))) return note('bad', h('p', { class: 'big' }, sentence(cause.sentence) ?? cause.code), cause.details && h('p', {}, cause.details), cause.todo && h('p', {}, h('strong', {}, 'What to do: '), cause.todo));
  if (a.state === 'enrolled') return note('good', h('p', { class: 'big' }, 'The device enrolled.'));
  if (a.state === 'ended') return note('quiet', h('p', { class: 'big' }, 'What came of this attempt has ended.'));
  return note('wait', h('p', { class: 'big' }, `The last step was ${relative(a.updated_at)}; nothing has gone wrong so far.`));
}

export default {
  id: 'attempts',
  title: 'Attempts',
  key: 'a',
  lead: 'Why did it not work on somebody’s device?',
  list: (where) => ({
    controls: controls(where, {
      search: { name: 'user', label: 'Person', placeholder: 'eliza@example.com' },
      filters: [{ name: 'state', label: 'What came of it', options: [['', 'Anything'], ...['failed', 'open', 'signed-in', 'enrolled', 'ended'].map((s) => [s, states[s][0]])] }],
    }),
    parts: [{
      path: '/attempts',
      query: { limit: 50, ...where.query },
      view: (value) => [table({
        caption: 'Attempts, newest first',
        none: where.query.user ? 'No device of this person came as far as asking for an enrollment. Rules says what discovery answers it.' : 'No attempts.',
        rows: value.items,
        to: (a) => href('attempts', a.id),
        columns: [['Person', who], ['Device', device], ['Came to', (a) => badge(cameTo(a))], ['Last step', (a) => sentence(a.sentence) ?? a.code], ['Started', (a) => when(a.started_at)]],
      }), pages(value, where, 'attempts')],
    }],
  }),
  one: (where) => ({
    parts: [{
      path: `/attempts${at(where.ids[0])}`,
      view: (a) => {
        where.title(`${who(a)}: ${device(a)}`);
        return [
          verdict(a),
          section('What happened', a.timeline.length ? h('ol', { class: 'timeline' }, a.timeline.map((e) => step(e, a.started_at))) : empty('Nothing was recorded.')),
          section('About this attempt', facts([
            ['Came to', badge(cameTo(a))],
            ['Signed in as', a.signed_in_as && link(a.signed_in_as, 'people', a.signed_in_as)],
            ['Typed on the device', a.user && link(a.user, 'people', a.user)], ['Device', device(a)], ['Mode', modes[a.mode]], ['Signs in by', a.method], ['Help code', code(a.help_code)],
            ['Enrollment', a.enrollment_is ? link(a.enrollment_is.id, 'enrollments', a.enrollment_is.id) : nothing('none')],
            ['Signing in again', a.sign_in_again && link(a.sign_in_again.state, 'attempts', a.sign_in_again.id)],
            ['First attempt', a.first_attempt && link(a.first_attempt, 'attempts', a.first_attempt)],
            ['Network', a.network], ['Started', when(a.started_at)],
          ])),
        ];
      },
    }],
  }),
};
