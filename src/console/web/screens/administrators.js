// Who may use this console: with which role, for which organization, signed in by whom.

import { at, get, send } from '../api.js';
import { facts, h, href, note, nothing, section, table, when } from '../ui.js';
import { count, roles } from '../words.js';

const factors = { app: 'Authenticator app', key: 'Security key' };
const what = [['read', 'Look at everything, change nothing'], ['help-desk', 'Help people: attempts, people, enrollments; no tokens, no results'], ['admin', 'Do everything']];
const reaches = (a) => a.organization ?? 'Every organization';
const signsIn = (a) => (a.provider ? 'Identity provider' : a.second_factors.map((f) => factors[f] ?? f).join(', ') || 'Password; the first sign-in asks for a second factor');

async function reach() {
  const { value } = await get('/organizations', { organization: '' });
  return value.items.length < 2 ? [] : [{ name: 'organization', label: 'For', value: 'all', options: [['all', 'Every organization'], ...value.items.map((o) => [o.id, o.name])] }];
}

async function add(where) {
  const [{ value: providers }, more] = await Promise.all([get('/identity-providers'), reach()]);
  return where.act({
    title: 'Add an administrator',
    text: 'They sign in at this server’s console, and everything that they do is in the audit.',
    go: 'Add',
    fields: [
      { name: 'name', label: 'User name', required: true, type: 'email' },
      { name: 'role', label: 'They may', value: 'read', options: what }, ...more,
      ...(providers.items.length ? [{ name: 'provider', label: 'Signed in by', options: [['', 'Password and second factor of this server'], ...providers.items.map((p) => [p.id, p.name ?? p.issuer])] }] : []),
      { name: 'password', label: 'First password', type: 'password', hint: 'Where this server signs them in.' },
    ],
    run: (v) => send('POST', '/administrators', v),
    done: (a) => `${a.name} was added.`,
  });
}

async function change(where, a) {
  const more = await reach();
  return where.act({
    title: `What ${a.name} may do`,
    text: 'They are signed out everywhere and sign in again with what is set here.',
    go: 'Save',
    fields: [{ name: 'role', label: 'They may', value: a.role, options: what }, ...more.map((f) => ({ ...f, value: a.organization ?? 'all' }))],
    run: (v) => send('PATCH', `/administrators${at(a.name)}`, v, where.etag),
    done: `${a.name} may now do that, from the next sign-in on.`,
  });
}

const signOut = (a, etag) => ({
  title: `Sign ${a.name} out everywhere?`,
  text: 'Every browser in which they are signed in has to sign in again. Nothing else changes.',
  go: 'Sign out',
  run: () => send('PATCH', `/administrators${at(a.name)}`, { role: a.role }, etag), // any change ends the sessions
  done: `${a.name} is signed out everywhere.`,
});

const disabled = (a, is, etag) => ({
  title: is ? `Shut ${a.name} out?` : `Let ${a.name} in again?`,
  text: is ? 'They are signed out everywhere and can’t sign in until you let them in again.' : 'They sign in as before.',
  go: is ? 'Shut out' : 'Let in',
  danger: is,
  run: () => send('PATCH', `/administrators${at(a.name)}`, { disabled: is }, etag),
  done: is ? `${a.name} is shut out.` : `${a.name} may sign in again.`,
});

const password = (a, etag) => ({
  title: `A new password for ${a.name}`,
  text: 'They are signed out everywhere. Their second factor stays.',
  go: 'Set',
  fields: [{ name: 'password', label: 'New password', type: 'password', required: true }],
  run: (v) => send('PUT', `/administrators${at(a.name)}/password`, v, etag),
  done: 'The password is set.',
});

const reset = (a) => ({
  title: `Forget the second factors of ${a.name}?`,
  text: 'For who lost them. The next sign-in by password sets up a new one: whoever has the password can do that.',
  loses: [`${a.second_factors.length ? a.second_factors.map((f) => factors[f] ?? f).join(' and ') : 'No second factor'} and ${count(a.recovery_codes, 'recovery code')}.`, 'Every session of theirs.'],
  type: 'forget',
  go: 'Forget',
  run: () => send('POST', `/administrators${at(a.name)}/reset`),
  done: `The second factors of ${a.name} are forgotten.`,
});

const remove = (a, etag) => ({
  title: `Remove ${a.name}?`,
  loses: ['Their password, second factors and sessions: they can’t use this console any more.', 'What they did stays in the audit, under their name.'],
  type: a.name,
  go: 'Remove',
  run: () => send('DELETE', `/administrators${at(a.name)}`, undefined, etag),
  done: `${a.name} was removed.`,
  then: href('administrators'),
});

export default {
  id: 'administrators',
  title: 'Administrators',
  key: 'd',
  roles: ['admin'],
  whole: true,
  lead: 'Who may use this console, and for what?',
  list: (where) => ({
    parts: [{
      path: '/administrators', query: { organization: '' },
      view: (value) => section('Who signs in here', table({
        caption: 'Administrators', none: 'Nobody but whoever may use the server’s socket, or has a token.', rows: value.items, to: (a) => href('administrators', a.name),
        columns: [['Name', (a) => a.name], ['Role', (a) => roles[a.role] ?? a.role], ['For', reaches], ['Signs in by', signsIn], ['Last sign-in', (a) => when(a.signed_in_at)],
          ['May sign in', (a) => (a.disabled ? h('span', { class: 'badge bad' }, 'No') : h('span', { class: 'badge good' }, 'Yes'))]],
      }), h('p', { class: 'buttons' }, where.button('Add an administrator…', () => add(where)))),
    }],
  }),
  one: (where) => ({
    parts: [{
      path: `/administrators${at(where.ids[0])}`, query: { organization: '' },
      view: (a, now) => {
        where.title(a.name);
        return [
          h('div', { class: 'actions' }, where.button('Role…', () => change(now, a)), where.button('Sign out everywhere…', signOut(a, now.etag)),
            where.button(a.disabled ? 'Let in again…' : 'Shut out…', disabled(a, !a.disabled, now.etag)), !a.provider && [where.button('New password…', password(a, now.etag)), where.button('Forget second factors…', reset(a), { danger: true })],
            where.button('Remove…', remove(a, now.etag), { danger: true })),
          a.disabled && note('warn', h('p', {}, 'Shut out: they can’t sign in.')),
          facts([['Role', roles[a.role] ?? a.role], ['For', reaches(a)], ['Signs in by', signsIn(a)], ['Recovery codes left', a.provider ? null : count(a.recovery_codes)],
            ['Last sign-in', when(a.signed_in_at)], ['Added', when(a.created_at)], ['By', a.created_by ?? nothing()]]),
        ];
      },
    }],
  }),
};
