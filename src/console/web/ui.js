// What screens are put together from. Everything is made of elements, never of markup in text (Trusted Types).

import { by } from './api.js';
import { count, date, exactly, relative, states } from './words.js';

const svgSpace = 'http://www.w3.org/2000/svg';
const drawn = new Set(['svg', 'g', 'rect', 'title']);

// An element. Attributes that are false, null or undefined are left out; a function is a listener.
export function h(name, attributes = {}, ...children) {
  const e = drawn.has(name) ? document.createElementNS(svgSpace, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === 'function') e.addEventListener(key, value);
    else e.setAttribute(key, value === true ? '' : value);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c))));
  return e;
}

// The way to a screen: href('attempts', id), href('attempts', {state: 'failed'}).
export function href(screen, ...rest) {
  const query = typeof rest.at(-1) === 'object' && rest.at(-1) !== null ? rest.pop() : {};
  const items = Object.entries(query).filter(([, v]) => v !== undefined && v !== null && v !== '');
  return `#/${[screen, ...rest].map(encodeURIComponent).join('/')}${items.length ? `?${new URLSearchParams(items)}` : ''}`;
}

export const link = (text, ...where) => h('a', { href: href(...where) }, text);
export const nothing = (text = '–') => h('span', { class: 'quiet' }, text);
export const code = (text) => h('code', {}, text);
export const when = (t) => (t ? h('time', { datetime: new Date(t * 1000).toISOString(), title: exactly(t) }, relative(t)) : nothing('never'));

// A day, and how far away it is where that says more.
export const ends = (t) => (Math.abs(t - Date.now() / 1000) < 86400 * 60 ? [date(t), ', ', when(t)] : when(t));

export function badge(word) {
  const [text, kind] = states[word] ?? [word ?? '–', 'quiet'];
  return h('span', { class: `badge ${kind}` }, text);
}

// [name, value] pairs; those without a value are left out.
export const facts = (pairs) => h('dl', { class: 'facts' }, pairs.filter(([, v]) => v !== null && v !== undefined && v !== '').map(([name, v]) => h('div', {}, h('dt', {}, name), h('dd', {}, v))));

export const section = (title, ...children) => h('section', {}, h('h2', {}, title), children);
export const note = (kind, ...children) => h('div', { class: `note ${kind}` }, children);
export const empty = (...text) => h('p', { class: 'empty' }, text);
export const more = (summary, key, ...children) => h('details', { 'data-key': key }, h('summary', {}, summary), children);

// Rows as a table that is read as cards where it is narrow. columns: [heading, (row) => content, {number: true}], or false;
// a column without a heading has the row's buttons. `to(row)` is where a row leads: the first cell is that link, and j and k go
// from one to the next.
export function table({ caption, columns: all, rows, to, none = 'There is nothing here.' }) {
  if (!rows.length) return empty(none);
  const kind = (name, how) => (how?.number ? 'number' : !name && 'does');
  const columns = all.filter(Boolean);
  return h('div', { class: 'scroll' }, h('table', { role: 'table' }, h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map(([name, , how]) => h('th', { scope: 'col', role: 'columnheader', class: kind(name, how) }, name || h('span', { class: 'unseen' }, 'What to do'))))),
    h('tbody', { role: 'rowgroup' }, rows.map((row) => h('tr', { role: 'row' }, columns.map(([name, content, how], i) => {
      const where = i === 0 && to?.(row);
      return h('td', { role: 'cell', 'data-label': name, class: kind(name, how) }, h('div', {}, where ? h('a', { href: where, 'data-row': true, 'data-key': where }, content(row)) : content(row)));
    }))))));
}

// Numbers that are compared: a table whose rows have their bar. rows: [label, number, where]
export function bars(caption, rows, heading = 'How many') {
  const most = Math.max(1, ...rows.map(([, n]) => n));
  return h('table', { class: 'bars' }, h('caption', {}, caption),
    h('thead', { class: 'unseen' }, h('tr', {}, h('th', { scope: 'col' }, 'What'), h('th', { scope: 'col' }, heading), h('th', { scope: 'col' }, 'Bar'))),
    h('tbody', {}, rows.map(([label, n, where]) => h('tr', {}, h('th', { scope: 'row' }, where ? h('a', { href: where }, label) : label),
      h('td', { class: 'number' }, count(n)),
      h('td', { class: 'bar', 'aria-hidden': 'true' }, h('svg', { viewBox: '0 0 100 8', preserveAspectRatio: 'none' }, h('rect', { class: 'ground', width: 100, height: 8, rx: 1 }), h('rect', { width: Math.max(n ? 0.7 : 0, 100 * n / most), height: 8, rx: 1 })))))));
}

// Days side by side, each a stack. days: [{label, values: {name: number}}]; kinds: [[name, title, class]]
export function columns(title, days, kinds) {
  const total = (d) => kinds.reduce((sum, [name]) => sum + (d.values[name] ?? 0), 0);
  const most = Math.max(1, ...days.map(total));
  const column = (d, i) => {
    let y = 100;
    return h('g', {}, h('title', {}, `${d.label}: ${kinds.map(([name, said]) => `${count(d.values[name] ?? 0)} ${said}`).join(', ')}`), kinds.map(([name, , kind]) => {
      const tall = 100 * (d.values[name] ?? 0) / most;
      y -= tall;
      return h('rect', { class: kind, x: i + 0.06, y, width: 0.88, height: tall });
    }));
  };
  return h('figure', { class: 'chart' }, h('figcaption', {}, title, h('span', { class: 'legend' }, kinds.map(([, said, kind]) => h('span', { class: kind }, said)))),
    h('p', { class: 'scale', 'aria-hidden': 'true' }, count(most)),
    h('svg', { viewBox: `0 0 ${days.length} 100`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${title}. The numbers are in the table below it.` }, days.map(column)),
    h('p', { class: 'scale under', 'aria-hidden': 'true' }, [days[0], days[Math.floor(days.length / 2)], days.at(-1)].map((d) => h('span', {}, d.label))),
    more('As a table', `table ${title}`, table({ caption: title, rows: days, columns: [['Day', (d) => d.label], ...kinds.map(([name, said]) => [said, (d) => count(d.values[name] ?? 0), { number: true }])] })));
}

// ---- saying that something happened ----

export function say(text, kind = 'good') {
  const region = document.getElementById('said');
  const line = h('p', { class: `said ${kind}` }, text, h('button', { type: 'button', class: 'plain', 'aria-label': 'Dismiss', click: () => line.remove() }, '×'));
  region.replaceChildren(line);
}

// A file for the person to keep.
export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  h('a', { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

// ---- asking ----

// f: {name, label, hint, type (of an input; flag, lines, file), options [[value, text]], value, required, attributes}
export function field(f, value, place = 'field') {
  const id = `${place}-${f.name}`;
  const hint = f.hint && h('p', { class: 'hint', id: `${id}-hint` }, f.hint);
  const common = { id, name: f.name, required: f.required, 'aria-describedby': hint && `${id}-hint`, autocomplete: 'off', ...f.attributes };
  const now = value ?? f.value ?? '';
  if (f.type === 'flag') return h('div', { class: 'field flag' }, h('input', { ...common, type: 'checkbox', checked: now === true }), h('label', { for: id }, f.label), hint);
  let control;
  if (f.options) control = h('select', common, f.options.map(([v, text]) => h('option', { value: v, selected: v === now }, text)));
  else if (f.type === 'lines') control = h('textarea', { rows: 5, ...common }, now);
  else control = h('input', { type: f.type ?? 'text', value: f.type === 'file' ? undefined : now, ...common });
  return h('div', { class: 'field' }, h('label', { for: id }, f.label), control, hint);
}

// The filled fields of a form, by name: flags as true or false, files as File, what is empty left out.
export function read(form, fields) {
  const out = {};
  for (const f of fields) {
    const e = form.elements.namedItem(f.name);
    if (f.type === 'flag') out[f.name] = e.checked;
    else if (f.type === 'file') { if (e.files[0]) [out[f.name]] = e.files; }
    else if (f.type === 'number' && e.value !== '') out[f.name] = Number(e.value);
    else if (e.value.trim() !== '') out[f.name] = f.type === 'password' ? e.value : e.value.trim();
  }
  return out;
}

// What a refusal means for whom it met, and the way on.
function refusal(problem) {
  if (problem.status === 412) return [h('p', {}, 'Somebody else changed this while you looked at it, so nothing was done. Close this, see what it is now, and decide again.')];
  if (problem.code === 'not proven') return [h('p', {}, 'This can’t be undone, or gives power: prove first that it is you who sits here. You come back to this page.'), h('p', {}, h('a', { href: by('sign-in/prove') }, 'Prove who I am'))];
  return [h('p', {}, problem.message)];
}

// One dialog for everything that changes something.
//   title; text: what will happen (text, element or a list of them); loses: a list of what is gone after it;
//   fields (see `field`); type: what must be typed before it can be done; go: what the button says;
//   danger; run(values): does it, and may throw a Problem, which is shown in the dialog.
// Resolves with what `run` gave, or undefined where the person thought better of it.
export function ask({ title, text, loses, fields = [], type, go, danger = Boolean(type), run }) {
  const before = document.activeElement;
  return new Promise((resolve) => {
    let result;
    const wrong = h('div', { class: 'wrong', role: 'alert' });
    const button = h('button', { type: 'submit', class: danger ? 'danger' : 'go', disabled: Boolean(type) }, go);
    const typed = type && h('input', { id: 'typed', name: 'typed', type: 'text', autocomplete: 'off', spellcheck: 'false', input: (event) => { button.disabled = event.target.value.trim() !== type; } });
    const form = h('form', { novalidate: false, submit: async (event) => {
      event.preventDefault();
      if (type && typed.value.trim() !== type) return;
      button.disabled = true;
      wrong.replaceChildren();
      try {
        result = await run(read(form, fields));
        if (result === undefined) result = true;
        dialog.close();
      } catch (problem) {
        wrong.replaceChildren(...refusal(problem));
        button.disabled = problem.status === 412;
      }
    } },
    h('h2', { id: 'dialog-title' }, title),
    text && h('div', { class: 'prose' }, [text].flat().map((t) => (t instanceof Node ? t : h('p', {}, t)))),
    loses && h('div', { class: 'note bad' }, h('p', {}, 'What will be lost'), h('ul', {}, loses.map((l) => h('li', {}, l)))),
    fields.map((f) => field(f, undefined, 'asked')),
    type && h('div', { class: 'field' }, h('label', { for: 'typed' }, 'Type ', h('strong', { class: 'type' }, type), ' to go on'), typed),
    wrong,
    h('p', { class: 'buttons' }, h('button', { type: 'button', click: () => dialog.close() }, 'Cancel'), button));
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', close: () => { dialog.remove(); before?.isConnected && before.focus(); resolve(result); } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Something short to read, with a button to close it.
export const tell = (title, ...content) => ask({ title, text: [h('div', {}, content)], go: 'Close', run: () => true });
