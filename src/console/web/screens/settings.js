// What holds for the whole organization: how it is called, whose domains, who vouches, what ends when.

import { at, chosen, send } from '../api.js';
import { badge, code, empty, ends, facts, h, note, nothing, section, tell, table, when } from '../ui.js';
import { count, lasting, sentence } from '../words.js';

const own = () => `/organizations${at(chosen() || '_')}`;

// ---- the organization ----

const modesOfCa = { require: 'Only devices that Apple made are let in', warn: 'Others are let in, and the timeline says so', off: 'Nobody looks' };

const lives = (o, etag) => ({
  title: 'How long a sign-in lasts',
  text: 'Devices that were given tokens keep them for as long as those were made for.',
  go: 'Save',
  fields: [
    { name: 'access-token-life', label: 'Access token', value: lasting(o.access_token_life_s), hint: 'Devices renew it by themselves. 15m, 1h, 1d.' },
    { name: 'refresh-idle', label: 'A device may stay away', value: lasting(o.refresh_idle_s), hint: 'Then the person signs in again.' },
    { name: 'refresh-max', label: 'The longest without signing in', value: lasting(o.refresh_max_s) },
    { name: 'web-token-life', label: 'Token of devices that sign in by web page', value: lasting(o.web_token_life_s), hint: 'They can’t renew it: the person signs in again when it ends.' },
  ].map((f) => ({ ...f, value: f.value.replace(/ (day|hour|minute|second)s?$/, (_, u) => u[0]).replaceAll(',', '') })),
  run: (v) => send('PATCH', own(), { settings: v }, etag),
  done: 'Saved.',
});

const addDomain = {
  title: 'Add a domain',
  text: 'People of it are sent here by discovery. https://DOMAIN/.well-known/com.apple.remotemanagement must lead to this server, or Apple’s own record of it.',
  go: 'Add',
  fields: [{ name: 'domain', label: 'Domain', required: true, attributes: { placeholder: 'example.com', autocapitalize: 'none' } }],
  run: (v) => send('POST', `${own()}/domains`, v),
  done: (a) => `${a.domain} was added.`,
};

const removeDomain = (domain, etag) => ({
  title: `Remove ${domain}?`,
  loses: [`Devices of ${domain} are not sent here any more: nobody of it can enroll.`, 'People and devices that are there already stay.'],
  type: domain,
  go: 'Remove',
  run: () => send('DELETE', `${own()}/domains${at(domain)}`, undefined, etag),
  done: `${domain} was removed.`,
});

const organization = (where) => ({
  path: own(),
  view: (o, { etag }) => [
    o.warnings.map((w) => note('warn', sentence(w))),
    section(o.name, facts([
      ['Identifier', code(o.id)], ['Topic of pushes', o.topic ? code(o.topic) : nothing('none')], ['Server UUID at Apple', o.server_uuid ? code(o.server_uuid) : nothing('none')],
      ['How devices prove who they are', o.identity_proof], ['Devices that Apple did not make', modesOfCa[o.device_ca_mode]],
      ['Access token', lasting(o.access_token_life_s)], ['May stay away', lasting(o.refresh_idle_s)], ['Longest without signing in', lasting(o.refresh_max_s)], ['Token by web page', lasting(o.web_token_life_s)],
    ]), h('p', { class: 'buttons' }, where.button('How long a sign-in lasts…', lives(o, etag)))),
    section('Domains', table({
      caption: 'Domains', none: 'No domain: nobody can enroll.', rows: o.domains,
      columns: [['Domain', (d) => d], where.can() && ['', (d) => where.button('Remove', removeDomain(d, etag), { about: d })]],
    }), h('p', { class: 'buttons' }, where.button('Add a domain…', addDomain))),
    section('Certificates', table({
      caption: 'Certificates of the organization', rows: [['Push certificate', o.push_certificate, 'Devices are woken with it. Renew it at Apple with the same topic, or every device must enroll anew.'], ['Enrollment CA', o.ca_certificate, 'Signs the identities of devices.']],
      columns: [['Which', ([name]) => name], ['Subject', ([, c]) => c?.subject ?? nothing('none')], ['Ends', ([, c]) => (c ? ends(c.not_after) : nothing())], ['What it is for', ([, , what]) => what]],
    }), facts([['CAs that devices’ own certificates must chain to', count(o.device_cas)], ['CAs of attestations', count(o.attestation_cas)]])),
  ],
});

// ---- who vouches for people ----

const check = (p) => ({
  title: `Ask ${p.name ?? p.issuer} whether all is well?`,
  text: 'The server reads its documents and keys, as at a sign-in.',
  go: 'Ask',
  run: () => send('POST', `/identity-providers${at(p.id)}/check`),
  done: (a) => (a.problems?.length ? `It answered, with trouble: ${a.problems.join('; ')}` : 'It answers as it should.'),
});

const removeProvider = (p) => ({
  title: `Remove ${p.name ?? p.issuer}?`,
  loses: ['People whom it vouched for can’t sign in by it any more; those without a password not at all.', 'Sign-ins that rest on it are asked about no more and end when their tokens do.'],
  type: p.name ?? p.id,
  go: 'Remove',
  run: () => send('DELETE', `/identity-providers${at(p.id)}`),
  done: 'It was removed.',
});

const providers = (where) => ({
  path: '/identity-providers', roles: ['read', 'admin'],
  view: (value) => section('Identity providers', table({
    caption: 'Identity providers', none: 'None: people sign in with passwords of this server. postern idp add names one.', rows: value.items,
    columns: [['Name', (p) => p.name ?? p.kind], ['Issuer', (p) => code(p.issuer)], ['For', (p) => p.domain ?? 'Everybody'], ['Silent for at most', (p) => lasting(p.grace_s)],
      ['', (p) => [where.button('Check', check(p), { about: p.name ?? p.issuer, roles: ['read', 'admin'] }), ' ', where.button('Remove', removeProvider(p), { about: p.name ?? p.issuer })]]],
  })),
});

// ---- programs ----

const addToken = (where) => ({
  title: 'Let a program use the API',
  go: 'Make the token',
  fields: [
    { name: 'name', label: 'Name', required: true, hint: 'Of the program, for people and the audit.' },
    { name: 'role', label: 'It may', value: 'read', options: [['read', 'Look at everything, change nothing'], ['help-desk', 'Help people: attempts, people, enrollments; no tokens, no results'], ['admin', 'Do everything']] },
    { name: 'life', label: 'It ends after', value: '90d', hint: '12h, 90d.' },
  ],
  run: async (v) => {
    const made = await send('POST', '/api-tokens', v);
    setTimeout(() => tell('The token', h('p', {}, 'It is shown here and never again.'), h('p', {}, h('code', { class: 'type' }, made.secret))).then(() => where.refresh()));
    return made;
  },
  done: (a) => `The token ${a.name} was made.`,
});

const revoke = (t) => ({
  title: `Refuse ${t.name} from now on?`,
  loses: [`The program ${t.name} gets 401 at its next request. There is no way back; make it a new token.`],
  type: t.name,
  go: 'Revoke',
  run: () => send('DELETE', `/api-tokens${at(t.id)}`),
  done: `${t.name} was revoked.`,
});

const tokens = (where) => ({
  path: '/api-tokens', roles: ['admin'],
  view: (value) => section('Programs that use the API', table({
    caption: 'API tokens', none: 'None.', rows: value.items,
    columns: [['Name', (t) => t.name], ['Role', (t) => t.role], ['State', (t) => badge(t.state)], ['Ends', (t) => when(t.expires_at)], ['Last used', (t) => when(t.used_at)], ['Made by', (t) => t.created_by],
      ['', (t) => t.state === 'live' && where.button('Revoke', revoke(t), { about: t.name })]],
  }), h('p', { class: 'buttons' }, where.button('Make a token…', addToken(where)))),
});

// ---- Apple ----

const apple = () => ({
  path: `${own()}/apple`, roles: ['read', 'admin'],
  view: (a) => section('Apple School Manager or Apple Business', a.server_uuid ? facts([
    ['Organization there', a.org_name], ['Server', a.server_name], ['Server UUID', code(a.server_uuid)], ['Token ends', when(a.expires_at)],
    ['Discovery URL there', a.found_url ?? nothing('none')], ['Last asked', when(a.checked_at)], ['Trouble', a.trouble],
  ]) : empty('Not connected: postern apple setup says how.')),
  missing: () => section('Apple School Manager or Apple Business', empty('Not connected: postern apple setup says how.')),
});

export default {
  id: 'settings',
  title: 'Settings',
  key: 's',
  lead: 'What holds for the whole organization?',
  list: (where) => ({ parts: [organization(where), providers(where), tokens(where), apple()].map((p) => ({ ...p, still: true })) }),
};
