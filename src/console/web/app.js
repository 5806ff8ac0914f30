// The console: which screen the address means, what it is made of, and keeping it up to date.
//
// A screen is one module of screens/ whose default export is a description:
//   id, title, key        its address (#/id), what it is called, the letter after g
//   roles                 who may see it (or a part); absent: everybody who may sign in. whole: and reaches all organizations
//   lead                  the question it answers, as an administrator asks it
//   list(where)           the parts of #/id             } where = {ids, query, go(query), refresh()}
//   one(where)            the parts of #/id/…           }
// and a part is one section that is kept up to date by itself:
//   path, query           what is asked of the API
//   view(value, where)    its elements (ui.js); where.title(text) sets the heading, where.act(question) asks and does,
//                         where.button makes its button; where.etag is of what is shown, for `send`
//   missing()             its elements where there is no such thing (404); without it, and first of `one`, there is no such page
//   still                 true: it is not asked again while one looks (forms)
// Controls that must survive an update (search boxes, filters) are in `controls`, made once for each address.

import { Problem, choose, chosen, get } from './api.js';
import { ask, h, href, link, say, tell } from './ui.js';
import { relative, roles, sentence } from './words.js';
import administrators from './screens/administrators.js';
import attempts from './screens/attempts.js';
import audit from './screens/audit.js';
import enrollments from './screens/enrollments.js';
import groups from './screens/groups.js';
import items from './screens/items.js';
import overview from './screens/overview.js';
import people from './screens/people.js';
import rules from './screens/rules.js';
import settings from './screens/settings.js';

const all = [overview, attempts, people, enrollments, rules, groups, items, audit, administrators, settings];
const may = (thing) => (!thing.roles || thing.roles.includes(me.role)) && !(thing.whole && me.organization);
let me = { role: '' };
let screens = all;
const every = 5000; // milliseconds between two questions while somebody looks

// ---- the address ----

// Where an address leads that leads nowhere, or nowhere for this person.
const nowhere = {
  title: 'There is no such page',
  lead: 'The address is mistyped, or what it names is not yours to see.',
  list: () => ({ controls: h('p', {}, link('To the overview', 'overview')), parts: [] }),
};

function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  let names;
  try { names = path.split('/').filter(Boolean).map(decodeURIComponent); } catch { names = [path]; }
  const [id = screens[0].id, ...ids] = names;
  const screen = screens.find((s) => s.id === id);
  if (!screen || (ids.length && !screen.one)) return { screen: nowhere, ids: [], query: {} };
  return { screen, ids, query: Object.fromEntries(new URLSearchParams(query)) };
}

// ---- the frame ----

const main = h('main', { id: 'main', tabindex: '-1' });
const fresh = h('span', { id: 'fresh' });
const nav = h('nav', { 'aria-label': 'Screens' });
const picker = h('div', { id: 'organization' });

function frame() {
  const button = h('button', { type: 'button', class: 'plain menu', 'aria-expanded': 'false', 'aria-controls': 'menu', click: () => open(button.getAttribute('aria-expanded') === 'false') }, 'Menu');
  const menu = h('div', { id: 'menu' }, picker, nav, h('p', { class: 'foot' },
    h('button', { type: 'button', class: 'plain', click: help }, 'Keyboard (?)'), 
    me.way === 'session' && h('a', { href: '/console/sign-in/own' }, 'Your sign-in'), ' ',
    me.way === 'session' && h('form', { method: 'post', action: '/console/sign-out' }, h('button', { class: 'plain' }, 'Sign out'))), h('p', { class: 'foot quiet' }, `${me.name}: ${roles[me.role]}`));
  const open = (is) => { button.setAttribute('aria-expanded', String(is)); menu.classList.toggle('open', is); };
  nav.addEventListener('click', () => open(false));
  document.body.replaceChildren(
    h('a', { class: 'skip', href: '#main', click: (event) => { event.preventDefault(); main.focus(); } }, 'Skip to the content'),
    h('header', {}, h('a', { class: 'brand', href: href('overview') }, h('span', { 'aria-hidden': 'true', class: 'mark' }), 'postern'), button, menu),
    h('div', { id: 'said', role: 'status' }), main);
}

function drawNav(current) {
  nav.replaceChildren(h('ul', {}, screens.map((s) => h('li', {}, h('a', { href: href(s.id), 'aria-current': s === current && 'page', 'aria-keyshortcuts': `g ${s.key}` }, s.title)))));
}

async function drawOrganizations() {
  const { value } = await get('/organizations').catch(() => ({ value: { items: [] } }));
  if (value.items.length < 2) return choose('');
  if (!value.items.some((o) => o.id === chosen())) choose(value.items[0].id);
  picker.replaceChildren(h('label', { for: 'pick' }, 'Organization'), h('select', { id: 'pick', change: (event) => { choose(event.target.value); show(); } },
    value.items.map((o) => h('option', { value: o.id, selected: o.id === chosen() }, o.name))));
}

// ---- a screen ----

let shown; // {address, parts: [{part, place, answer}], where}
let timer;

// Put new elements in place of old ones, and leave the person where they were.
function replace(place, elements) {
  const active = place.contains(document.activeElement) ? document.activeElement.closest('[data-key]')?.dataset.key : undefined;
  const open = new Set(Array.from(place.querySelectorAll('details[open][data-key]'), (d) => d.dataset.key));
  place.replaceChildren(...[elements].flat(Infinity).filter(Boolean));
  for (const d of place.querySelectorAll('details[data-key]')) if (open.has(d.dataset.key)) d.open = true;
  if (active !== undefined) place.querySelector(`[data-key="${CSS.escape(active)}"]`)?.focus({ preventScroll: true });
}

// What the screen is about is not there: that is said once, in place of all parts. The way back stays.
function gone(where, problem) {
  where.title(nowhere.title);
  for (const { place } of shown.parts.splice(0)) place.remove();
  main.append(h('p', { class: 'wrong', role: 'alert' }, sentence(problem.message)));
}

async function update(one, where, quietly) {
  const { part, place } = one;
  try {
    const answer = await get(part.path, part.query, one.answer, quietly);
    if (shown?.where !== where || answer.same) return;
    one.answer = answer;
    replace(place, part.view(answer.value, { ...where, etag: answer.etag }));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (shown?.where === where && !one.answer && problem.status === 404 && part.missing) return replace(place, part.missing());
    if (shown?.where === where && !one.answer && problem.status === 404 && where.ids.length && one === shown.parts[0]) return gone(where, problem);
    if (shown?.where === where && !one.answer) replace(place, h('p', { class: 'wrong', role: 'alert' }, problem.message));
    throw problem;
  } finally {
    place.removeAttribute('aria-busy');
  }
}

async function refresh(all) {
  const { where, parts } = shown;
  clearTimeout(timer);
  const told = await Promise.allSettled(parts.filter((p) => all || !p.part.still).map((p) => update(p, where, !all)));
  if (shown?.where !== where) return;
  if (!parts.length) { fresh.textContent = fresh.className = ''; return; }
  const failed = told.find((t) => t.status === 'rejected');
  if (failed && !(failed.reason instanceof Problem)) console.error(failed.reason);
  const now = Date.now() / 1000;
  if (!failed) shown.at = now;
  fresh.textContent = failed ? `Not up to date: ${failed.reason.message}${shown.at ? ` Last answer ${relative(shown.at, now)}.` : ''}` : 'Up to date';
  fresh.className = failed ? 'late' : '';
  timer = setTimeout(() => (document.visibilityState === 'visible' && !document.querySelector('dialog[open]') ? refresh() : wait()), every);
}

function wait() {
  timer = setTimeout(() => (document.visibilityState === 'visible' && !document.querySelector('dialog[open]') ? refresh() : wait()), 500);
}

async function show(first) {
  const { screen, ids, query } = parse(location.hash);
  const heading = h('h1', { tabindex: '-1' }, screen.title);
  const title = (text) => { heading.textContent = text; document.title = `${text} · postern`; };
  const where = {
    ids, query, title,
    go: (items) => { location.hash = href(screen.id, ...ids, { ...query, ...items }); },
    leave: (...to) => { location.hash = href(...to); },
    refresh: () => refresh(true),
    can: (...some) => (some.length ? some : ['admin']).includes(me.role),
    // What asks `question` (or does it, a function); nothing for who may not. how: {danger, roles, about: of which row}
    button: (text, question, how = {}) => where.can(...(how.roles ?? [])) && h('button', { type: 'button', class: how.about ? 'small' : how.danger && 'danger',
      'aria-label': how.about && `${text.replace('…', '')} ${how.about}`, 'data-key': `${text} ${how.about ?? ''}`, click: () => (typeof question === 'function' ? question() : where.act(question)) }, text),
    // Ask (ui.js `ask`), do it, say what came of it (`done`: a sentence or a function of the answer), and look again.
    act: async ({ done, then, ...question }) => {
      const answer = await ask(question);
      if (answer !== undefined && done) say(typeof done === 'function' ? done(answer) : done);
      if (answer !== undefined && then) location.hash = then;
      else if (shown?.where === where) refresh(true);
    },
  };
  const keep = document.activeElement?.closest('.controls') && document.activeElement.id;
  clearTimeout(timer);
  title(screen.title);
  drawNav(screen);
  const made = ids.length && screen.one ? screen.one(where) : screen.list(where);
  const parts = made.parts.filter(may).map((part) => ({ part, place: h('div', { class: `part ${part.class ?? ''}`, 'aria-busy': 'true' }) }));
  main.replaceChildren(h('div', { class: 'top' }, h('div', {}, ids.length > 0 && h('p', { class: 'back' }, h('a', { href: href(screen.id) }, `‹ ${screen.title}`)), heading, !ids.length && screen.lead && h('p', { class: 'lead' }, screen.lead)), fresh),
    ...(made.controls ? [made.controls] : []), ...parts.map((p) => p.place));
  shown = { where, parts };
  main.dataset.shown = location.hash;
  if (keep && document.getElementById(keep)) document.getElementById(keep).focus();
  else if (!first) heading.focus();
  window.scrollTo(0, 0);
  await refresh(true);
}

// ---- the keyboard ----

const keysOn = () => localStorage.getItem('keys') !== 'off';
let pressed = 0; // when g was

function help() {
  const rows = [['g, then a letter', screens.map((s) => `${s.key} ${s.title}`).join(', ')], ['/', 'Search'], ['j and k', 'The next row, the one before'], ['Enter', 'Open it'], ['?', 'This']];
  const toggle = h('input', { type: 'checkbox', id: 'keys', checked: keysOn(), change: () => localStorage.setItem('keys', toggle.checked ? 'on' : 'off') });
  tell('Keyboard', h('dl', { class: 'facts' }, rows.map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)))), h('div', { class: 'field flag' }, toggle, h('label', { for: 'keys' }, 'Keys without Ctrl or Alt do this')));
}

function move(by) {
  const rows = [...main.querySelectorAll('[data-row]')];
  const at = rows.indexOf(document.activeElement);
  rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return;
  if (event.target.closest('input, select, textarea')) { if (event.key === 'Escape') event.target.blur(); return; }
  if (!keysOn() && event.key !== '?') return;
  const after = Date.now() - pressed < 1500;
  pressed = 0;
  const screen = after && screens.find((s) => s.key === event.key);
  const does = { g: () => { pressed = Date.now(); }, j: () => move(1), k: () => move(-1), '?': help, '/': () => main.querySelector('input[type=search]')?.focus() };
  const run = screen ? () => { location.hash = href(screen.id); } : does[event.key];
  if (!run) return;
  event.preventDefault();
  run();
}

// Nobody signed in: the browser is on its way to the sign-in (api.js).
async function begin() {
  try {
    me = (await get('/me')).value;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 401) document.body.replaceChildren(h('main', {}, h('h1', {}, 'postern'), h('p', { class: 'wrong', role: 'alert' }, sentence(problem.message))));
    return;
  }
  screens = all.filter(may);
  frame();
  window.addEventListener('hashchange', () => { document.querySelector('dialog[open]')?.close(); show(); });
  document.addEventListener('keydown', key);
  await drawOrganizations();
  await show(true);
}

await begin();
