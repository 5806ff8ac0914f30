// The administration API, as the console asks it. Nothing of the server is known beside /api/v1.

const base = '/api/v1';

// A refusal: `message` is the server's sentence for an administrator, `status` the HTTP status (0: no answer at all).
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.error ?? (status ? `The server answered ${status}.` : 'The server does not answer.'));
    this.status = status;
    this.code = body?.code;
  }
}

let organization = sessionStorage.getItem('organization') ?? '';
export const chosen = () => organization;
export function choose(id) {
  organization = id;
  sessionStorage.setItem('organization', id);
}

// Each segment of `path` is encoded already (see `at`); `query` is an object whose empty members are left out.
export const at = (...segments) => segments.map((s) => `/${encodeURIComponent(s)}`).join('');

function address(path, query = {}) {
  const items = Object.entries({ ...(organization && { organization }), ...query }).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return items.length ? `${base}${path}?${new URLSearchParams(items)}`.replaceAll('+', '%20') : base + path;
}

// The way to a page of the sign-in that comes back to where one is; the server takes paths of the console only.
export const by = (page) => `/console/${page}?to=${encodeURIComponent(`/console/${location.hash}`)}`;

async function ask(method, url, headers, body) {
  let answer;
  try {
    answer = await fetch(url, { method, headers, body, cache: 'no-store', credentials: 'same-origin' });
  } catch {
    throw new Problem(0);
  }
  const text = await answer.text();
  let value;
  try { value = JSON.parse(text); } catch { value = undefined; }
  if (answer.status === 401) location.assign(by('sign-in'));
  if (!answer.ok) throw new Problem(answer.status, value);
  return { text, value, etag: answer.headers.get('ETag') };
}

// {value, text, etag}, or {same: true} where it is what `before` (an answer of this function) has already. `quietly`: the
// page asks by itself, which keeps nobody signed in.
export async function get(path, query, before, quietly) {
  const answer = await ask('GET', address(path, query), quietly ? { 'Postern-Quiet': '1' } : {});
  return !answer.same && before && before.text === answer.text ? { same: true } : answer;
}

// Change something. `etag`: of what the person saw when they decided; the server refuses if it is another by now.
export async function send(method, path, body, etag) {
  const headers = { 'Postern-Console': '1' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (etag) headers['If-Match'] = etag;
  if (method === 'POST') headers['Idempotency-Key'] = Array.from(crypto.getRandomValues(new Uint8Array(16)), (o) => o.toString(16).padStart(2, '0')).join('');
  return (await ask(method, address(path), headers, body === undefined ? undefined : JSON.stringify(body))).value;
}
