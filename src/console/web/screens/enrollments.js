// A device: what it should have against what it has, what is queued, and ending it.

import { at, send } from '../api.js';
import { controls, pages } from '../list.js';
import { badge, code, facts, h, href, link, more, note, nothing, section, table, when } from '../ui.js';
import { count, date, device, modes, states } from '../words.js';

const live = (e) => !e.ended_at;

const wake = (e) => ({
  title: 'Wake this device?',
  text: 'A push asks it to come for what waits for it. It comes when it is on and has a network.',
  go: 'Wake',
  run: () => send('POST', `/enrollments${at(e.id)}/push`),
  done: (a) => (a.trouble ? `Noted, but nothing can be pushed at present: ${a.trouble}` : 'It was woken.'),
});

const renew = (e) => ({
  title: 'Renew its identity now?',
  text: 'The device makes a new key and gets a new certificate the next time it comes. The one before holds until then.',
  go: 'Renew',
  run: () => send('POST', `/enrollments${at(e.id)}/renew`),
  done: 'The renewal waits for the device.',
});

const evict = (e) => ({
  title: `Evict ${e.user ?? 'this person'}’s ${device(e)}?`,
  text: 'At its next request the device is told that it is not enrolled any more, and removes the enrollment by itself.',
  loses: [
    ...(e.mode === 'byod' ? ['The managed Apple Account with its data on this device: mail, calendars, files, notes of the organization.'] : ['Everything that the organization has set up on this device: profiles, accounts, restrictions.']),
    'Every app that the organization gave, with the data in it.',
    ...(e.queued ? [`What waits for the device: ${count(e.queued, 'command')}.`] : []),
    'Its certificate and tokens: to come back it enrolls anew.',
  ],
  type: 'evict',
  go: 'Evict',
  run: () => send('POST', `/enrollments${at(e.id)}/evict`),
  done: (a) => `Evicted: ${a.sentence}.`,
});

const remove = (e, etag) => ({
  title: 'Remove what is known of this enrollment?',
  text: live(e) ? 'It is live: the device is not told, and finds itself unknown at its next request. Evict it instead, if it is to be told.' : 'It has ended; this takes the record away.',
  loses: ['Its row, its commands and their results, its certificates and what it reported. There is no way back.'],
  type: 'remove',
  go: 'Remove',
  run: () => send('DELETE', `/enrollments${at(e.id)}`, undefined, etag),
  done: 'It was removed.',
  then: href('enrollments'),
});

const wanted = (list) => table({
  caption: 'What this device should have, and what became of it',
  none: 'No group gives this device anything.',
  rows: list,
  columns: [['What', (d) => d.title ?? d.name], ['Kind', (d) => d.kind], ['By group', (d) => [d.group, d.optional && ' (the person may take it)'].filter(Boolean)],
    ['Now', (d) => [badge(d.state), d.reason && h('span', { class: 'details' }, ` ${d.reason}`)]], ['Told by', (d) => d.way ?? nothing()]],
});

export default {
  id: 'enrollments',
  title: 'Enrollments',
  key: 'e',
  lead: 'Which devices are managed, and do they have what they should?',
  list: (where) => ({
    controls: controls(where, {
      search: { name: 'user', label: 'Person', placeholder: 'eliza@example.com' },
      filters: [{ name: 'state', label: 'State', options: [['', 'Any'], ['live', 'Live'], ['inactive', 'Not seen for long'], ...['enrolled', 'reauth', 'pending', 'evicting', 'unenrolled', 'evicted', 'replaced'].map((s) => [s, states[s][0]])] }],
    }),
    parts: [{
      path: '/enrollments',
      query: { limit: 50, ...where.query },
      view: (value) => [table({
        caption: 'Enrollments, newest first',
        none: 'No enrollments.',
        rows: value.items,
        to: (e) => href('enrollments', e.id),
        columns: [['Person', (e) => e.user ?? 'Nobody any more'], ['Device', device], ['State', (e) => badge(e.state)], ['Mode', (e) => modes[e.mode]],
          ['Last seen', (e) => [when(e.last_seen_at), e.inactive && h('span', { class: 'badge warn' }, 'long ago')]]],
      }), pages(value, where, 'enrollments')],
    }],
  }),
  one: (where) => ({
    parts: [{
      path: `/enrollments${at(where.ids[0])}`,
      view: (e, { etag }) => {
        where.title(`${e.user ?? 'Nobody any more'}: ${device(e)}`);
        const helps = { roles: ['help-desk', 'admin'] };
        return [
          h('div', { class: 'actions' }, live(e) && [where.button('Wake…', wake(e), helps), where.button('Renew identity…', renew(e), helps), where.button('Evict…', evict(e), { danger: true })],
            !live(e) && where.button('Remove…', remove(e, etag), { danger: true })),
          e.inactive_sentence && note('warn', h('p', {}, 'This device was not seen for long. Wake it; evict it if it is gone for good.')),
          facts([
            ['State', badge(e.state)], ['Person', e.user && link(e.user, 'people', e.user)], ['Mode', modes[e.mode]], ['Device', device(e)], ['Name', e.device_name], ['Serial number', e.serial_number],
            ['Last seen', when(e.last_seen_at)], ['Enrolled', when(e.enrolled_at)], ['Ended', e.ended_at && when(e.ended_at)], ['Waiting commands', count(e.queued)],
            ['How it came', link('The attempt', 'attempts', e.attempt)], ['Signing in again', e.sign_in_again_attempt && link('The attempt', 'attempts', e.sign_in_again_attempt)],
          ]),
          live(e) && section('Wanted and actual', wanted(e.desired)),
          section('Channels', table({
            caption: 'Channels', none: 'It has not sent a push token yet.', rows: e.channels,
            columns: [['Channel', (c) => (c.channel === 'user' ? `User ${c.user_short_name ?? c.user_id}` : 'Device')], ['Last seen', (c) => when(c.last_seen_at)],
              ['Last woken', (c) => when(c.pushed_at)], ['Push', (c) => (c.push_refused ? h('span', { class: 'badge bad' }, `Refused: ${c.push_refused}`) : c.waits_for_wake ? h('span', { class: 'badge wait' }, 'Waits') : h('span', { class: 'badge good' }, 'Good'))]],
          })),
          section('Certificates', table({
            caption: 'Identity certificates', none: 'None was issued.', rows: e.certificates,
            columns: [['Serial', (c) => code(c.serial)], ['Issued', (c) => when(c.issued_at)], ['Ends', (c) => date(c.not_after)], ['State', (c) => (c.revoked_at ? h('span', { class: 'badge bad' }, 'Revoked') : c.in_use ? h('span', { class: 'badge good' }, 'In use') : h('span', { class: 'badge quiet' }, 'Not in use'))]],
          })),
          more('What it was enrolled with, for good', 'frozen', facts(Object.entries(e.frozen).map(([k, v]) => [k, v === null ? nothing() : code(String(v))]))),
        ];
      },
    }, {
      path: `/enrollments${at(where.ids[0])}/available-commands`, still: true,
      view: (value) => section('What this device may be asked', h('p', { class: 'quiet' }, 'By its mode and its system. Apple lets a personal enrollment be asked little: nothing of the person’s own apps and data.'),
        more(`${count(value.items.length, 'kind')} of commands`, 'asked', table({ caption: 'Commands', rows: value.items, columns: [['Command', (c) => code(c.request_type)], ['What to know', (c) => c.note ?? ''], ['With', (c) => c.keys.join(', ')]] }))),
    }],
  }),
};
