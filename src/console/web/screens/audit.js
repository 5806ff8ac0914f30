// Who did what, and who looked at whose data.

import { get } from '../api.js';
import { controls, pages } from '../list.js';
import { badge, code, h, link, more, note, nothing, section, table, when } from '../ui.js';
import { count, sentence, states } from '../words.js';

const verdict = (v, rows) => (v.sound ? note('good', `${count(rows, 'row')}, each as it was written.`) : note('bad', h('p', { class: 'big' }, v.why), v.wrong && h('p', {}, `Row ${v.wrong}. Somebody changed the database by hand: keep a copy of it, and of the newest export.`)));

// The server looks at some rows for each question: the first of them at once, the others when somebody wants it.
function whole(first) {
  const said = h('div', { role: 'status' }, verdict(first, first.rows));
  const rest = first.next && h('button', { type: 'button', click: async () => {
    rest.disabled = true;
    let rows = first.rows;
    for (let v = first; v.sound && v.next && rest.isConnected; rows += v.rows, said.replaceChildren(verdict(v, rows))) v = (await get('/audit/verification', { from: v.next })).value;
    rest.remove();
  } }, `Check the other ${count(first.last - first.next + 1, 'row')}`);
  return section('Is it whole?', said, rest && h('p', {}, rest), h('p', { class: 'quiet' }, 'postern audit verify says the same; postern audit export keeps a copy elsewhere.'));
}

export default {
  id: 'audit',
  title: 'Audit',
  key: 'u',
  roles: ['admin'],
  lead: 'Who changed what, and who looked at whose data?',
  list: (where) => ({
    controls: controls(where, { search: { name: 'user', label: 'Concerning the person', placeholder: 'eliza@example.com' }, filters: [{ name: 'since', label: 'Since', options: [['', 'The beginning'], ['1d', 'Yesterday'], ['7d', 'A week ago'], ['30d', 'A month ago']] }] }),
    parts: [{
      path: '/audit/verification', still: true, whole: true, view: whole,
    }, {
      path: '/audit', query: { limit: 50, organization: '', ...where.query }, // those of the whole server too
      view: (value) => [table({
        caption: 'Rows of the audit, newest first', none: 'Nothing.', rows: value.items,
        columns: [['When', (a) => when(a.at)], ['Who', (a) => [a.actor ?? nothing('erased'), ' ', h('span', { class: 'quiet' }, `(${a.way})`)]], ['Did', (a) => [code(a.action), a.again > 0 && ` and ${count(a.again)} times more`]],
          ['To', (a) => [a.object, a.person && [a.object && ', ', link(a.person, 'people', a.person)]]], ['Came to', (a) => states[a.outcome] ? badge(a.outcome) : h('span', { class: 'badge bad' }, sentence(a.outcome))],
          ['What', (a) => a.detail && more('Details', `detail ${a.seq}`, h('pre', { tabindex: '0' }, JSON.stringify(a.detail, null, 1)))]],
      }), pages(value, where, 'audit')],
    }],
  }),
};
