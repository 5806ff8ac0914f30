// A person: their devices, what holds for them, and shutting them out or letting them in.

import { at, get, send } from '../api.js';
import { controls, pages } from '../list.js';
import { badge, empty, facts, h, href, link, nothing, save, section, table, when } from '../ui.js';
import { count, device, lasting, limits, modes } from '../words.js';

const groupsOf = (text) => (text ?? '').split(',').map((g) => g.trim()).filter(Boolean);

const add = {
  title: 'Add a person',
  text: 'Somebody who signs in with a password of this server. People of an identity provider or a directory come by themselves.',
  go: 'Add',
  fields: [
    { name: 'user', label: 'User identifier', required: true, type: 'email', hint: 'What they type on the device: name@domain.' },
    { name: 'display_name', label: 'Name' },
    { name: 'managed_apple_account', label: 'Managed Apple Account', hint: 'Where it is not the user identifier.' },
    { name: 'groups', label: 'Groups', hint: 'Separated by commas.' },
    { name: 'password', label: 'Password', type: 'password', required: true },
  ],
  run: (v) => send('POST', '/users', { ...v, groups: groupsOf(v.groups) }),
  done: (u) => `${u.user} was added.`,
};

const shutOut = (u, etag) => ({
  title: `Shut ${u.user} out?`,
  text: 'Their devices are answered 401 from the next request on, until you let them in again. Nothing is removed from the devices.',
  go: 'Shut out',
  danger: true,
  run: () => send('PATCH', `/users${at(u.user)}`, { disabled: true }, etag),
  done: `${u.user} is shut out.`,
});

const letIn = (u, etag) => ({
  title: `Let ${u.user} in again?`,
  text: 'Their devices go on where they were; some may have to sign in again.',
  go: 'Let in',
  run: () => send('PATCH', `/users${at(u.user)}`, { disabled: false }, etag),
  done: `${u.user} may sign in again.`,
});

const password = (u) => ({
  title: `A new password for ${u.user}`,
  go: 'Set',
  fields: [{ name: 'password', label: 'New password', type: 'password', required: true }],
  run: (v) => send('PUT', `/users${at(u.user)}/password`, v),
  done: 'The password is set.',
});

const groups = (u, etag) => ({
  title: `Groups of ${u.user}`,
  text: 'Rules and policies that name a group hold from the next request on. Where the person’s own rules change the mode, devices may have to enroll anew.',
  go: 'Save',
  fields: [{ name: 'groups', label: 'Groups, separated by commas', value: u.groups.join(', ') }],
  run: (v) => send('PATCH', `/users${at(u.user)}`, { groups: groupsOf(v.groups) }, etag),
  done: 'The groups are set.',
});

const remove = (u, etag) => ({
  title: `Remove ${u.user}?`,
  loses: ['The person, their password and groups: they cannot sign in any more.', `${count(u.enrollments.filter((e) => !e.ended_at).length, 'live enrollment')}: evicted, which removes the organization’s accounts, apps and data from those devices.`, 'Licences of apps that they hold: given back.'],
  type: u.user,
  go: 'Remove',
  run: () => send('DELETE', `/users${at(u.user)}`, undefined, etag),
  done: (a) => `${u.user} was removed; ${count(a.evicted, 'enrollment')} evicted.`,
  then: href('people'),
});

// Everything that is kept of them, for whoever asks what that is.
async function take(user) {
  save(`${user}.json`, JSON.stringify((await get(`/users${at(user)}/export`)).value, null, 2));
}

const erase = (user, enrollments = []) => {
  const live = enrollments.filter((e) => !e.ended_at && e.state !== 'pending').length;
  return {
    title: `Erase everything about ${user}?`,
    text: 'For a person who asks to be forgotten. There is no way back; export first what must be kept.',
    loses: [
      'The person, their password and groups, and every attempt, sign-in, command and answer of theirs.',
      live ? `${count(live, 'enrolled device')}: the enrollment ends now. At its next request the device removes the organization’s accounts, apps and data.` : 'No device of theirs is enrolled.',
      'Rules that are for nobody but them.',
      'Their name in the audit: its rows stay, and are then about nobody.',
    ],
    type: user,
    go: 'Erase',
    run: () => send('POST', `/users${at(user)}/erase`, { evict: live > 0 }),
    done: (a) => `${user} was erased; ${count(a.evicted, 'enrollment')} ended, ${count(a.rules, 'rule')} removed.`,
    then: href('people'),
  };
};

export default {
  id: 'people',
  title: 'People',
  key: 'p',
  lead: 'Who may sign in, and with which devices did they?',
  list: (where) => ({
    controls: controls(where, {
      search: { name: 'search', label: 'Words of name or address begin with', placeholder: 'eliza' },
      actions: [where.button('Add a person…', add)].filter(Boolean),
    }),
    parts: [{
      path: '/users',
      query: { limit: 50, ...where.query },
      view: (value) => [table({
        caption: 'People, by user identifier',
        none: where.query.search ? 'Nobody’s name or address has a word that begins so.' : 'Nobody yet. People of an identity provider or a directory come by themselves.',
        rows: value.items,
        to: (u) => href('people', u.user),
        columns: [['Person', (u) => u.user], ['Name', (u) => u.display_name ?? nothing()], ['Groups', (u) => u.groups.join(', ') || nothing()],
          ['Known from', (u) => u.source], ['May sign in', (u) => (u.disabled ? h('span', { class: 'badge bad' }, 'No') : h('span', { class: 'badge good' }, 'Yes'))]],
      }), pages(value, where, 'people', 'after')],
    }],
  }),
  one: (where) => ({
    parts: [{
      path: `/users${at(where.ids[0])}`,
      missing: () => {
        where.title(where.ids[0]);
        return [h('div', { class: 'actions' }, where.button('Export…', () => take(where.ids[0])), where.button('Erase…', erase(where.ids[0]), { danger: true })),
          empty('Nobody of that name is here. Attempts and the audit may still know it: '), h('p', {}, link('attempts under this name', 'attempts', { user: where.ids[0] }))];
      },
      view: (u, { etag }) => {
        where.title(u.display_name ?? u.user);
        return [
          h('div', { class: 'actions' }, u.disabled ? where.button('Let in again…', letIn(u, etag)) : where.button('Shut out…', shutOut(u, etag)), u.source === 'local' && where.button('New password…', password(u)),
            where.button('Groups…', groups(u, etag)), where.button('Export…', () => take(u.user)), where.button('Remove…', remove(u, etag), { danger: true }), where.button('Erase…', erase(u.user, u.enrollments), { danger: true })),
          facts([
            ['User identifier', u.user], ['Managed Apple Account', u.managed_apple_account], ['Known from', u.source], ['Groups', u.groups.join(', ') || nothing('none')],
            ['May sign in', u.disabled ? h('span', { class: 'badge bad' }, 'No, since ', when(u.disabled_at)) : h('span', { class: 'badge good' }, 'Yes')],
            ['Last attempt', u.latest_attempt ? link('What happened', 'attempts', u.latest_attempt) : nothing('none')], ['Added', when(u.created_at)],
          ]),
          section('Devices', table({
            caption: `Enrollments of ${u.user}`, none: 'No device of theirs is enrolled, and none was.', rows: u.enrollments, to: (e) => href('enrollments', e.id),
            columns: [['Device', device], ['State', (e) => badge(e.state)], ['Mode', (e) => modes[e.mode]], ['Last seen', (e) => when(e.last_seen_at)], ['Since', (e) => when(e.enrolled_at)]],
          })),
          section('What holds for them', table({
            caption: 'Limits', rows: u.policy ?? [], none: 'The organization’s settings.',
            columns: [['Limit', (p) => limits[p.limit] ?? p.limit], ['Value', (p) => (p.seconds !== undefined ? lasting(p.seconds) : `${p.percent} %`)], ['By', (p) => (p.by === 'organization' ? 'The organization' : p.by)]],
          })),
        ];
      },
    }],
  }),
};
