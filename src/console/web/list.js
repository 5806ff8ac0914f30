// What lists have in common: a search box and filters above, a way to the next page below.

import { h, href } from './ui.js';

// search: {name, label, placeholder}; filters: [{name, label, options: [[value, text]]}]; actions: elements.
export function controls(where, { search, filters = [], actions = [] }) {
  const gone = { next: undefined };
  const fresh = { ...Object.fromEntries(filters.map((f) => [f.name, where.query[f.name]])) };
  return h('form', { class: 'controls', role: 'search', submit: (event) => {
    event.preventDefault();
    where.go({ ...fresh, ...gone, ...(search && { [search.name]: event.target.elements[search.name].value.trim() }) });
  } },
  search && h('div', { class: 'field' }, h('label', { for: 'search' }, search.label), h('input', { id: 'search', type: 'search', name: search.name, value: where.query[search.name] ?? '', placeholder: search.placeholder, autocomplete: 'off', spellcheck: 'false' })),
  filters.map((f) => h('div', { class: 'field' }, h('label', { for: `filter-${f.name}` }, f.label),
    h('select', { id: `filter-${f.name}`, name: f.name, change: (event) => where.go({ ...gone, [f.name]: event.target.value }) },
      f.options.map(([value, text]) => h('option', { value, selected: value === (where.query[f.name] ?? '') }, text))))),
  search && h('button', { type: 'submit', class: 'unseen-until-focus' }, 'Search'),
  actions.length > 0 && h('div', { class: 'actions' }, actions));
}

// Under a list. `screen` is its id; the first page has no cursor.
export function pages(value, where, screen, cursor = 'before') {
  const first = where.query[cursor] === undefined;
  if (first && !value.next) return null;
  return h('p', { class: 'pages' },
    !first && h('a', { href: href(screen, { ...where.query, [cursor]: undefined }) }, '« First page'),
    value.next && h('a', { href: href(screen, { ...where.query, [cursor]: value.next }), 'data-key': 'next' }, 'Next page »'));
}
