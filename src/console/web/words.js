// What the API's words are called on the screen, and how numbers and times are read.

export const modes = { byod: 'Personal (BYOD)', adde: 'Organization’s (ADDE)' };

export const roles = { read: 'Looks at everything', 'help-desk': 'Help desk', admin: 'Administrator' };

// word: [what it is called, its kind]. A kind has a colour and a sign, so that no colour stands alone.
export const states = {
  open: ['Waiting', 'wait'],
  'signed-in': ['Signed in', 'wait'],
  enrolled: ['Enrolled', 'good'],
  failed: ['Failed', 'bad'],
  stopped: ['Stopped', 'bad'],
  ended: ['Ended', 'quiet'],
  pending: ['Enrolling', 'wait'],
  reauth: ['Must sign in again', 'warn'],
  evicting: ['Being evicted', 'warn'],
  evicted: ['Evicted', 'quiet'],
  unenrolled: ['Left', 'quiet'],
  replaced: ['Enrolled anew', 'quiet'],
  'in-place': ['There', 'good'],
  active: ['There', 'good'],
  asked: ['On its way', 'wait'],
  waiting: ['On its way', 'wait'],
  refused: ['Refused', 'bad'],
  invalid: ['Invalid', 'bad'],
  live: ['Good', 'good'],
  revoked: ['Revoked', 'bad'],
  expired: ['Ended', 'quiet'],
  ok: ['Done', 'good'],
  done: ['Done', 'good'],
  begun: ['Begun', 'wait'],
  repeated: ['Done before', 'quiet'],
};

// What holds for a person (docs/operations.md, policies).
export const limits = { 'access-token-life': 'Access token', 'web-token-life': 'Token by web page', 'refresh-idle': 'May stay away', longest: 'Longest without signing in', grace: 'Provider may be silent for', spread: 'Ends are spread over' };

// A sentence of the server's, as one stands alone.
export const sentence = (text) => text && text[0].toUpperCase() + text.slice(1);

const number = new Intl.NumberFormat('en');
export const count = (n, one, many = `${one}s`) => (one === undefined ? number.format(n ?? 0) : `${number.format(n ?? 0)} ${n === 1 ? one : many}`);

const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const steps = [[60, 's', 1], [3600, 'min', 60], [86400, 'h', 3600], [86400 * 60, 'day', 86400]];

export const exactly = (t) => absolute.format(new Date(t * 1000));
export const date = (t) => day.format(new Date(t * 1000));

// "4 min ago", "in 12 days", and a date where that says more.
export function relative(t, now = Date.now() / 1000) {
  const away = Math.abs(now - t);
  if (away < 5) return 'now';
  const step = steps.find(([below]) => away < below);
  if (!step) return date(t);
  const n = Math.floor(away / step[2]);
  const said = step[1] === 'day' ? count(n, 'day') : `${n} ${step[1]}`;
  return t > now ? `in ${said}` : `${said} ago`;
}

export function lasting(seconds) {
  for (const [size, word] of [[86400, 'day'], [3600, 'hour'], [60, 'minute']]) if (seconds >= size && seconds % size === 0) return count(seconds / size, word);
  return count(seconds, 'second');
}

// What came of an attempt: one that waits after a refusal has stopped there, as far as anybody knows.
export const cameTo = (a) => ((a.state === 'open' || a.state === 'signed-in') && a.outcome && a.outcome !== 'ok' ? 'stopped' : a.state);

export const device = (d) => [d.product ?? d.family ?? d.model_family ?? 'Device', d.os_version].filter(Boolean).join(', ');
