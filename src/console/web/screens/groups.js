// Groups of devices and what they are given; groups of people and how long they may stay signed in.

import { at, get, send } from '../api.js';
import { empty, facts, h, href, nothing, section, table } from '../ui.js';
import { count, lasting, modes } from '../words.js';

const kinds = { profile: 'Profile', app: 'App', declaration: 'Declaration' };
const conditions = (g) => [g.mode && modes[g.mode], g.model_family, g.os_from && `from ${g.os_from} on`, g.os_below && `before ${g.os_below}`, g.user_group && `of people of ${g.user_group}`].filter(Boolean).join(', ');

const add = {
  title: 'Add a group of devices',
  text: 'Devices that meet all conditions are in it by themselves, now and later. Without conditions: every device.',
  go: 'Add',
  fields: [
    { name: 'name', label: 'Name', required: true },
    { name: 'by_name', label: 'No conditions: I put devices into it one by one', type: 'flag' },
    { name: 'mode', label: 'Mode', options: [['', 'Any'], ...Object.entries(modes)] },
    { name: 'model_family', label: 'Family', options: [['', 'Any'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Mac', 'Mac'], ['RealityDevice', 'Apple Vision Pro']] },
    { name: 'os_from', label: 'From this version on' }, { name: 'os_below', label: 'Before this version' }, { name: 'user_group', label: 'Of people of the group' },
  ],
  run: (v) => send('POST', '/device-groups', v),
  done: (g) => `${g.name} was added.`,
};

const remove = (g, etag) => ({
  title: `Remove the group ${g.name}?`,
  loses: [g.items.length ? `Its devices lose what it gives them, unless another group gives it too: ${g.items.map((i) => i.title ?? i.name).join(', ')}.` : 'It gives nothing, so devices keep what they have.', 'Who is in it is forgotten.'],
  type: g.name,
  go: 'Remove',
  run: () => send('DELETE', `/device-groups${at(g.name)}`, undefined, etag),
  done: `${g.name} was removed.`,
  then: href('groups'),
});

async function give(where, g) {
  const all = (await Promise.all(Object.keys(kinds).map((kind) => get(`/items${at(kind)}`)))).flatMap((a) => a.value.items);
  const open = all.filter((i) => !g.items.some((j) => j.kind === i.kind && j.name === i.name));
  if (!open.length) return where.act({ title: 'There is nothing more to give', text: 'Profiles and apps are added under Profiles and apps.', go: 'Close', run: () => true });
  return where.act({
    title: `Give ${g.name} something`,
    text: 'Devices of the group get it the next time they come; they are woken.',
    go: 'Give',
    fields: [{ name: 'item', label: 'What', options: open.map((i) => [`${i.kind}/${i.name}`, `${kinds[i.kind]}: ${i.title ?? i.name}`]) }, { name: 'optional', label: 'The person may take it or not (apps)', type: 'flag' }],
    run: (v) => { const [kind, ...name] = v.item.split('/'); return send('PUT', `/device-groups${at(g.name)}/items${at(kind, name.join('/'))}`, { optional: v.optional }, where.etag); },
    done: (a) => `${g.name} is given ${a.name}.`,
  });
}

const take = (g, i, etag) => ({
  title: `Take ${i.title ?? i.name} from ${g.name}?`,
  loses: [`The ${kinds[i.kind].toLowerCase()} goes from the group’s devices the next time they come, unless another group gives it too.`, ...(i.kind === 'app' ? ['With it go the app’s data on those devices.'] : [])],
  type: 'take',
  go: 'Take away',
  run: () => send('DELETE', `/device-groups${at(g.name)}/items${at(i.kind, i.name)}`, undefined, etag),
  done: `${g.name} is not given ${i.title ?? i.name} any more.`,
});

export default {
  id: 'groups',
  title: 'Groups',
  key: 'g',
  roles: ['read', 'admin'],
  lead: 'Which devices are given what, and how long may whose sign-in last?',
  list: (where) => ({
    parts: [{
      path: '/device-groups',
      view: (value) => section('Groups of devices', table({
        caption: 'Groups of devices', none: 'None yet: devices are given profiles and apps by the groups that they are in.', rows: value.items, to: (g) => href('groups', g.name),
        columns: [['Group', (g) => g.name], ['Who is in it', (g) => (g.by_rule ? conditions(g) || 'Every device' : count(g.members, 'device'))]],
      }), h('p', { class: 'buttons' }, where.button('Add a group…', add))),
    }, {
      path: '/groups', still: true,
      view: (value) => section('Groups of people', table({
        caption: 'Groups of people', none: 'None: people get groups under People, from the directory or from an identity provider.', rows: value.items,
        columns: [['Group', (g) => g.group], ['People', (g) => count(g.people), { number: true }], ['Access token', (g) => (g.access_token_life_s ? lasting(g.access_token_life_s) : nothing())], ['Longest without signing in', (g) => (g.longest_s ? lasting(g.longest_s) : nothing())]],
      })),
    }],
  }),
  one: (where) => ({
    parts: [{
      path: `/device-groups${at(where.ids[0])}`,
      view: (g, now) => {
        where.title(g.name);
        return [
          h('div', { class: 'actions' }, where.button('Give something…', () => give(now, g)), where.button('Remove…', remove(g, now.etag), { danger: true })),
          facts([['Who is in it', g.by_rule ? conditions(g) || 'Every device' : count(g.members, 'device')]]),
          section('What its devices are given', g.items.length ? table({
            caption: 'Items', rows: g.items, to: (i) => href('items', i.kind, i.name),
            columns: [['What', (i) => i.title ?? i.name], ['Kind', (i) => kinds[i.kind]], ['How', (i) => (i.optional ? 'The person may take it' : 'Always')],
              where.can() && ['', (i) => where.button('Take away', take(g, i, now.etag), { about: i.name })]],
          }) : empty('Nothing yet.')),
        ];
      },
    }],
  }),
};
