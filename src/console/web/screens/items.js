// What devices can be given: profiles, apps, declarations; and the licences that apps need.

import { at, chosen, send } from '../api.js';
import { empty, facts, h, href, link, more, nothing, section, table, when } from '../ui.js';
import { count } from '../words.js';

const kinds = { profile: ['Profiles', 'profile', 'A configuration profile (.mobileconfig). What it may hold in which mode is said when it is added.'], app: ['Apps', 'app'], declaration: ['Declarations', 'declaration', 'A declaration as JSON.'] };
const own = () => `/organizations${at(chosen() || '_')}`;

async function base64(file) {
  const octets = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (const o of octets) text += String.fromCharCode(o);
  return btoa(text);
}

const addDocument = (kind) => ({
  title: `Add a ${kinds[kind][1]}`,
  text: `${kinds[kind][2]} One of the same name is replaced, on every device that has it.`,
  go: 'Add',
  fields: [{ name: 'file', label: 'File', type: 'file', required: true }],
  run: async (v) => send('PUT', `/items${at(kind)}`, { content: await base64(v.file) }),
  done: (i) => `${i.title ?? i.name} was added. Give it to a group under Groups.`,
});

const addApp = {
  title: 'Add an app',
  text: 'One of the App Store needs its number (the digits in its link there) and, under personal enrollment, a licence of Apps and Books.',
  go: 'Add',
  fields: [
    { name: 'name', label: 'What you call it', required: true, hint: 'Lower case, without spaces: notes-app.' }, { name: 'title', label: 'Name for people' },
    { name: 'app_store_id', label: 'Number in the App Store', attributes: { inputmode: 'numeric' } }, { name: 'bundle_id', label: 'Bundle identifier' }, { name: 'manifest_url', label: 'Manifest URL', hint: 'Of an app of your own.' },
  ],
  run: (v) => send('PUT', '/items/app', v),
  done: (i) => `${i.title ?? i.name} was added. Give it to a group under Groups.`,
};

const remove = (i, etag) => ({
  title: `Remove ${i.title ?? i.name}?`,
  loses: [i.groups.length ? `It goes from every device of ${i.groups.join(', ')}${i.kind === 'app' ? ', with the data in it' : ''}.` : 'No group has it, so no device loses it.', 'Its content: to give it again you add it again.'],
  type: 'remove',
  go: 'Remove',
  run: () => send('DELETE', `/items${at(i.kind, i.name)}`, undefined, etag),
  done: `${i.title ?? i.name} was removed.`,
  then: href('items'),
});

const listing = (where, kind) => ({
  path: `/items${at(kind)}`,
  view: (value) => section(kinds[kind][0], table({
    caption: kinds[kind][0], none: 'None yet.', rows: value.items, to: (i) => href('items', kind, i.name),
    columns: [['Name', (i) => i.title ?? i.name], ['Identifier', (i) => i.name], ['Given to', (i) => i.groups.join(', ') || nothing('nobody')], ['Changed', (i) => when(i.updated_at)]],
  }), h('p', { class: 'buttons' }, where.button(`Add ${kind === 'app' ? 'an app' : `a ${kinds[kind][1]}`}…`, kind === 'app' ? addApp : addDocument(kind)))),
});

export default {
  id: 'items',
  title: 'Profiles and apps',
  key: 'i',
  roles: ['read', 'admin'],
  lead: 'What can devices be given, and are there licences enough?',
  list: (where) => ({
    parts: [...Object.keys(kinds).map((kind) => listing(where, kind)), {
      path: `${own()}/licence-apps`, still: true,
      view: (value) => section('Licences of Apps and Books', table({
        caption: 'Licences', none: 'None were bought, or no token of Apps and Books is set (postern licence token set).', rows: value.items,
        columns: [['App', (l) => l.adam_id], ['Bought', (l) => count(l.total), { number: true }], ['Held', (l) => count(l.held), { number: true }], ['Left', (l) => count(l.available), { number: true }],
          ['Lacking', (l) => (l.lacking ? h('span', { class: 'badge bad' }, count(l.lacking)) : count(0)), { number: true }]],
      })),
      missing: () => section('Licences of Apps and Books', empty('No token of Apps and Books is set (postern licence token set).')),
    }],
  }),
  one: (where) => ({
    parts: [{
      path: `/items${at(where.ids[0], where.ids[1])}`,
      view: (i, { etag }) => {
        where.title(i.title ?? i.name);
        return [
          h('div', { class: 'actions' }, where.button('Remove…', remove(i, etag), { danger: true })),
          facts([['Kind', kinds[i.kind]?.[1]], ['Identifier', i.name], ['Type', i.type], ['Channel', i.channel], ['Given to', i.groups.length ? i.groups.map((g, k) => [k > 0 && ', ', link(g, 'groups', g.replace(/ \(optional\)$/, ''))]) : nothing('nobody')], ['Changed', when(i.updated_at)]]),
          more('Content', 'content', h('pre', { tabindex: '0' }, JSON.stringify(i.content, null, 2))),
        ];
      },
    }],
  }),
};
