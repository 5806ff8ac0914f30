// Which enrollment a device gets: the rules in their order, and what they say to somebody as one types.

import { Problem, at, get, send } from '../api.js';
import { empty, field, h, note, say, section, table } from '../ui.js';

const families = [['', 'Any'], ...['iPhone', 'iPad', 'Mac', 'RealityDevice', 'Watch', 'AppleTV'].map((f) => [f, f === 'RealityDevice' ? 'Apple Vision Pro' : f])];
const outcomes = { byod: 'Personal enrollment (BYOD)', adde: 'The organization’s enrollment (ADDE)', redirect: 'Another server', refuse: 'Refused' };

const whom = (r) => [
  r.user ? `People like ${r.user}` : r.group ? `People of the group ${r.group}` : 'Everybody', r.domain && ` of ${r.domain}`,
  r.model_family && `, with ${r.model_family === 'RealityDevice' ? 'Apple Vision Pro' : r.model_family}`, r.percent !== null && `, ${r.percent} % of them`,
].filter(Boolean).join('');
const gets = (r) => [outcomes[r.outcome] ?? r.outcome, r.redirect_url && `: ${r.redirect_url}`, r.message && `: “${r.message}”`, r.identity === 'acme' && ', with an attested identity'].filter(Boolean).join('');

const add = {
  title: 'Add a rule',
  text: 'The first rule that fits decides. It holds for the next device that asks; devices that are enrolled keep what they have. Percentages are drawn from the person’s name: who is among 10 % is among 20 % too.',
  go: 'Add',
  fields: [
    { name: 'outcome', label: 'The device gets', value: 'byod', options: Object.entries(outcomes) },
    { name: 'group', label: 'People of the group' }, { name: 'user', label: 'People like', hint: '*@example.com, eliza@*.' }, { name: 'domain', label: 'Domain' },
    { name: 'model_family', label: 'Family of devices', options: families },
    { name: 'percent', label: 'Percentage of them', type: 'number', attributes: { min: 0, max: 100, inputmode: 'numeric' } },
    { name: 'redirect_url', label: 'Another server’s URL', hint: 'Where it gets another server.' }, { name: 'message', label: 'What the person is told', hint: 'Where it is refused.' },
    { name: 'position', label: 'Position', type: 'number', value: '1', attributes: { min: 1 } },
  ],
  run: (v) => send('POST', '/rules', v),
  done: (r) => `The rule is number ${r.position}: ${whom(r)}.`,
};

const remove = (r, etag) => ({
  title: `Remove rule ${r.position}?`,
  text: `${whom(r)}: ${gets(r)}.`,
  loses: ['Devices that it decided for get what the next rule that fits says, from their next enrollment on. Enrolled ones keep what they have.'],
  type: 'remove',
  go: 'Remove',
  run: () => send('DELETE', `/rules${at(r.id)}`, undefined, etag),
  done: 'The rule was removed.',
});

// ---- explaining ----

function explained(e) {
  const decides = e.items.find((r) => r.decides);
  const result = e.result;
  return [
    note(result.outcome === 'refuse' ? 'bad' : 'good', h('p', { class: 'big' }, gets(result)), h('p', {}, decides ? `Rule ${decides.position} decides: ${whom(decides)}.` : 'No rule fits.', e.user && !e.user_known && ' Nobody of that name is known here yet.')),
    table({
      caption: 'Each rule and why', rows: e.items,
      columns: [['Rule', (r) => `${r.position}. ${whom(r)}`], ['Gets', gets], ['Fits', (r) => (r.decides ? h('span', { class: 'badge good' }, 'Decides') : r.matches ? h('span', { class: 'badge quiet' }, 'Would fit') : h('span', { class: 'badge quiet' }, 'No'))], ['Why not', (r) => r.why_not ?? '']],
    }),
  ];
}

function explain(where) {
  const answer = h('div', { 'aria-live': 'polite' }, empty('Type a person’s name as on the device.'));
  let timer;
  let asked = 0;
  const look = async () => {
    const mine = asked += 1;
    const query = { user: form.elements.user.value.trim(), 'model-family': form.elements.model_family.value, os: form.elements.os.value.trim() };
    if (!query.user && !query['model-family']) return answer.replaceChildren(empty('Type a person’s name as on the device.'));
    try {
      const { value } = await get('/rules/explain', query);
      if (mine === asked) answer.replaceChildren(...explained(value));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (mine === asked) answer.replaceChildren(empty(/@.+\./.test(query.user) ? problem.message : 'The whole name, please: name@domain.'));
    }
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(look, 200); };
  const form = h('form', { class: 'controls', input: soon, submit: (event) => { event.preventDefault(); look(); } },
    h('div', { class: 'field' }, h('label', { for: 'search' }, 'Person'), h('input', { id: 'search', type: 'search', name: 'user', value: where.query.user ?? '', placeholder: 'eliza@example.com', autocomplete: 'off', spellcheck: 'false' })),
    field({ name: 'model_family', label: 'With', options: families }, where.query.family), field({ name: 'os', label: 'System version', attributes: { placeholder: '18.2', inputmode: 'decimal' } }));
  if (where.query.user) look();
  return section('What would this device get, and why?', form, answer);
}

export default {
  id: 'rules',
  title: 'Rules',
  key: 'r',
  lead: 'Which enrollment does whose device get?',
  list: (where) => ({
    controls: explain(where),
    parts: [{
      path: '/rules',
      view: (value, { etag }) => {
        const move = (r, by, may) => h('button', { type: 'button', class: 'small', disabled: !may, 'aria-label': `Move rule ${r.position} ${by < 0 ? 'up' : 'down'}`, 'data-key': `${r.id} ${by}`, click: async () => { await send('PATCH', `/rules${at(r.id)}`, { position: r.position + by }, etag).catch((problem) => say(problem.message, 'bad')); where.refresh(); } }, by < 0 ? '↑' : '↓');
        return section('The rules, the first that fits decides', table({
          caption: 'Rules in their order', none: 'No rule: every device is refused.', rows: value.items,
          columns: [['Whom', (r) => `${r.position}. ${whom(r)}`], ['Gets', gets],
            where.can() && ['', (r) => h('span', { class: 'inline' }, move(r, -1, r.position > 1), move(r, 1, r.position < value.items.length), where.button('Remove', remove(r, etag), { about: `rule ${r.position}` }))]],
        }), h('p', { class: 'buttons' }, where.button('Add a rule…', add)));
      },
    }],
  }),
};
