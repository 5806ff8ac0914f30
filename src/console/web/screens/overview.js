// The first look of the day: how many are enrolled, what fails, what ends next.

import { bars, columns, empty, ends, h, href, note, section, table } from '../ui.js';
import { count, modes, sentence } from '../words.js';

// Rows of {mode, family, os, count} added up by one of them, the largest first.
function by(rows, name) {
  const sums = new Map();
  for (const r of rows) sums.set(r[name], (sums.get(r[name]) ?? 0) + r.count);
  return [...sums].sort((a, b) => b[1] - a[1]);
}

function enrolled(o) {
  const total = o.enrolled.reduce((sum, r) => sum + r.count, 0);
  if (!total) return section('Enrolled', empty('No device is enrolled yet.'));
  const systems = by(o.enrolled.map((r) => ({ ...r, system: `${r.family ?? 'Device'}, ${r.os ?? 'not known'}` })), 'system');
  const rest = systems.slice(8).reduce((sum, [, n]) => sum + n, 0);
  return section(count(total, 'device is enrolled', 'devices are enrolled'), h('div', { class: 'columns' },
    bars('By mode', by(o.enrolled, 'mode').map(([m, n]) => [modes[m] ?? m, n])),
    bars('By family', by(o.enrolled, 'family').map(([f, n]) => [f ?? 'Not known', n])),
    bars('By system', [...systems.slice(0, 8), ...(rest ? [['Others', rest]] : [])])),
  o.again > 0 && note('warn', h('a', { href: href('enrollments', { state: 'reauth' }) }, count(o.again, 'device waits', 'devices wait')), ' for the person to sign in again.'));
}

const failing = (o) => section('What fails', table({
  caption: 'Failed attempts by cause',
  none: 'Nothing failed in the last seven days.',
  rows: o.failing.sort((a, b) => b.week - a.week),
  to: (f) => (f.stage === 'discovery' ? href('rules') : href('attempts', { code: f.code })),
  columns: [['Cause', (f) => sentence(f.sentence) ?? f.code], ['Since yesterday', (f) => count(f.day), { number: true }], ['Seven days', (f) => count(f.week), { number: true }], ['What to do', (f) => f.todo]],
}));

const days = (o) => columns('Attempts of the last two weeks', o.days.map((d) => ({ label: new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(d.at * 1000)), values: d })),
  [['enrolled', 'enrolled', 'good'], ['other', 'on the way', 'wait'], ['failed', 'failed', 'bad']]);

export default {
  id: 'overview',
  title: 'Overview',
  key: 'o',
  lead: 'Is all well?',
  list: () => ({
    parts: [
      { path: '/overview', view: (o) => [o.warnings.map((w) => note('warn', sentence(w))), enrolled(o), failing(o), days(o)] },
      {
        path: '/status/next', query: { within: '90d' }, still: true,
        view: (value) => section('What ends in the next 90 days', table({
          caption: 'Certificates and tokens that end', none: 'Nothing ends in the next 90 days.', rows: value.items,
          columns: [['What', (n) => (n.count > 1 ? `${count(n.count)} ${n.what}` : n.what)], ['Ends', (n) => ends(n.at)], ['What to do', (n) => n.todo]],
        })),
      },
    ],
  }),
};
