// The OAuth endpoints by an independent client library, oauth4webapi: what RFC 6749, 7009, 7636, 7662, 8414 and 9700
// ask for, against a posternd of its own. docs/security.md names these tests.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, before, test } from 'node:test';

globalThis.crypto ??= webcrypto; // node 18

const oauth = await import('oauth4webapi');
const { Server } = await import('./server.mjs');

const password = 'correct horse battery staple';
const redirect = 'apple-remotemanagement-user-login:/oauth2/redirection';
const client = { client_id: 'postern-device-enrollment' };

let server;
let issuer;
let ca;
let introspector;
let options;

// fetch, with the CA of this server.
function ask(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const text = body === undefined || body === null ? '' : body.toString();
    const list = { ...Object.fromEntries(new Headers(headers)), ...(text && { 'content-length': Buffer.byteLength(text) }) };
    const request = https.request(url, { method, ca, agent: false, headers: list }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        const got = new Headers();
        for (let i = 0; i < answer.rawHeaders.length; i += 2) got.append(answer.rawHeaders[i], answer.rawHeaders[i + 1]);
        const whole = Buffer.concat(parts);
        resolve(new Response(whole.length ? whole : null, { status: answer.statusCode, headers: got }));
      });
    });
    request.on('error', reject);
    request.end(text);
  });
}

before(async () => {
  server = await Server.start();
  ca = fs.readFileSync(path.join(server.data, 'tls/ca.pem'));
  for (const user of ['eliza', 'mallory']) await server.addUser(`${user}@betterbag.com`, password);
  const made = JSON.parse(await server.admin('--json', 'service', 'add', 'Wi-Fi', '--for', 'introspection'));
  introspector = { client: { client_id: made.id }, secret: made.secret };
  options = { [oauth.customFetch]: (url, init) => ask(url, init) };
  issuer = new URL(server.url);
  console.log(`# node ${process.version}`);
});

after(async () => {
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
  for (const secret of [password, introspector.secret, ...secrets]) assert.ok(!said.includes(secret), 'no secret in the log');
});

const secrets = new Set(); // codes and tokens, which no log may have

const metadata = async () => oauth.processDiscoveryResponse(issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options }));

// The attempt of a device that was told to sign in.
async function attemptOf(user) {
  const device = await server.device(user);
  const attempt = new URL(device.url).searchParams.get('attempt');
  await device.drop();
  return attempt;
}

const cookies = (response) => response.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');

function authorizeUrl(as, attempt, items) {
  const url = new URL(as.authorization_endpoint);
  const all = { attempt, response_type: 'code', client_id: client.client_id, redirect_uri: redirect, scope: 'mdm', ...items };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

// The page, as a browser without scripts has it.
async function openPage(url, cookie) {
  const response = await ask(url, { headers: cookie ? { cookie } : {} });
  const html = await response.text();
  return { response, html, url, cookie: cookies(response), form: html.match(/name="form" value="([^"]*)"/)?.[1] };
}

const submit = (page, user, { cookie = page.cookie, form = page.form } = {}) => ask(page.url, {
  method: 'POST', headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({ form, username: user, password }),
});

// From the challenge to the callback's URL.
async function signIn(as, { user = 'eliza@betterbag.com', items = {}, attempt } = {}) {
  const page = await openPage(authorizeUrl(as, attempt ?? await attemptOf(user), items));
  const sent = await submit(page, user);
  assert.equal(sent.status, 303, 'the form is answered 303: a browser does not send the password on (RFC 9700 4.12)');
  const done = await ask(new URL(sent.headers.get('location'), server.url),
    { headers: { cookie: `${page.cookie}; ${cookies(sent)}` } });
  assert.equal(done.status, 308);
  const callback = done.headers.get('location');
  assert.ok(callback.startsWith(`${redirect}?`), callback.split('?')[0]);
  return new URL(callback);
}

async function exchange(as, callback, { state, verifier = oauth.nopkce } = {}) {
  const params = oauth.validateAuthResponse(as, client, callback, state);
  secrets.add(params.get('code'));
  const response = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), params, redirect, verifier, options);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response);
  secrets.add(tokens.access_token).add(tokens.refresh_token);
  return tokens;
}

async function refresh(as, token) {
  const tokens = await oauth.processRefreshTokenResponse(as, client,
    await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, options));
  secrets.add(tokens.access_token).add(tokens.refresh_token);
  return tokens;
}

async function introspect(as, token, auth = oauth.ClientSecretBasic(introspector.secret)) {
  return oauth.processIntrospectionResponse(as, introspector.client,
    await oauth.introspectionRequest(as, introspector.client, auth, token, options));
}

const revoke = async (as, token) => oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, oauth.None(), token, options));

async function signedIn(as) {
  const state = oauth.generateRandomState();
  const verifier = oauth.generateRandomCodeVerifier();
  const items = { state, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' };
  return exchange(as, await signIn(as, { items }), { state, verifier });
}

const refused = (error) => (e) => e.error === error || (assert.fail(`${e.error ?? e.message}, not ${error}`));

test('RFC 8414: metadata that a client takes', async () => {
  const as = await metadata();
  assert.equal(as.issuer, server.url);
  assert.deepEqual(as.code_challenge_methods_supported, ['S256'], 'RFC 9700 2.1.1: S256 only');
  assert.deepEqual(as.response_types_supported, ['code'], 'RFC 9700 2.1.2: no implicit grant');
  assert.ok(!as.grant_types_supported.includes('password'), 'RFC 9700 2.4: no password grant');
});

test('a sign-in with PKCE, renewal, rotation and reuse', async (t) => {
  const as = await metadata();
  const first = await signedIn(as);
  await t.test('the access token is active (RFC 7662)', async () => {
    const told = await introspect(as, first.access_token);
    assert.equal(told.active, true);
    assert.equal(told.username, 'eliza@betterbag.com');
    assert.equal(told.iss, server.url);
  });
  const second = await refresh(as, first.refresh_token);
  await t.test('a refresh token rotates (RFC 9700 4.14.2)', () => assert.notEqual(second.refresh_token, first.refresh_token));
  const lost = await refresh(as, first.refresh_token);
  await t.test('a device that lost the answer may ask again, once more', () => assert.ok(lost.refresh_token));
  const third = await refresh(as, second.refresh_token);
  await t.test('a refresh token that comes back after its successor was used is refused (RFC 9700 4.14.2)', () =>
    assert.rejects(refresh(as, first.refresh_token), refused('invalid_grant')));
  await t.test('and what it led to is revoked, for whoever holds it', async () => {
    assert.equal((await introspect(as, third.access_token)).active, false);
    await assert.rejects(refresh(as, third.refresh_token), refused('invalid_grant'));
  });
});

test('RFC 7009: a client revokes', async () => {
  const as = await metadata();
  for (const which of ['access_token', 'refresh_token']) {
    const tokens = await signedIn(as);
    await revoke(as, tokens[which]);
    assert.equal((await introspect(as, tokens.access_token)).active, false, which);
    assert.equal((await introspect(as, tokens.refresh_token)).active, false, which);
    await assert.rejects(refresh(as, tokens.refresh_token), refused('invalid_grant'));
    await revoke(as, tokens[which]);
  }
  await revoke(as, 'unknown');
});

test('RFC 7662: who may ask, and how', async () => {
  const as = await metadata();
  const { access_token: token } = await signedIn(as);
  await assert.rejects(introspect(as, token, oauth.ClientSecretBasic('guess')), (e) => e.status === 401 || e.error === 'invalid_client');
  const bearer = await ask(as.introspection_endpoint, { method: 'POST', body: new URLSearchParams({ token }),
    headers: { authorization: `Bearer ${introspector.secret}`, 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal((await bearer.json()).active, true);
  const nobody = await ask(as.introspection_endpoint, { method: 'POST', body: new URLSearchParams({ token }),
    headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(nobody.status, 401);
  assert.match(nobody.headers.get('www-authenticate'), /^Basic /);
});

test('replay: a code is good once, and used twice it ends what it led to (RFC 9700 4.5, RFC 6749 4.1.2)', async () => {
  const as = await metadata();
  const callback = await signIn(as);
  const tokens = await exchange(as, callback, { state: oauth.expectNoState });
  await assert.rejects(exchange(as, callback, { state: oauth.expectNoState }), refused('invalid_grant'));
  assert.equal((await introspect(as, tokens.access_token)).active, false);
});

test('injection: a stolen code is worth nothing without its verifier (RFC 9700 4.5.3.1, 4.8)', async () => {
  const as = await metadata();
  const items = { state: 's', code_challenge: await oauth.calculatePKCECodeChallenge(oauth.generateRandomCodeVerifier()),
    code_challenge_method: 'S256' };
  for (const verifier of [oauth.generateRandomCodeVerifier(), oauth.nopkce]) { // another one; downgraded to none
    await assert.rejects(exchange(as, await signIn(as, { items }), { state: 's', verifier }), refused('invalid_grant'));
  }
  // A verifier where no challenge was: somebody took the challenge out on the way (RFC 9700 2.1.1).
  await assert.rejects(exchange(as, await signIn(as), { state: oauth.expectNoState,
    verifier: oauth.generateRandomCodeVerifier() }), refused('invalid_grant'));
});

test('redirects go to the one registered address, to the letter, or nowhere (RFC 9700 2.1, 4.1.3, 4.11)', async () => {
  const as = await metadata();
  const attempt = await attemptOf('eliza@betterbag.com');
  const wrong = [`${redirect}/`, `${redirect}?x=1`, `${redirect}#f`, redirect.toUpperCase(), 'https://evil.example/cb',
    'apple-remotemanagement-user-login://evil.example/oauth2/redirection', `${redirect}%2e%2e`, undefined];
  for (const address of wrong) {
    const { response, form } = await openPage(authorizeUrl(as, attempt, { redirect_uri: address }));
    assert.equal(response.status, 400, `${address}`);
    assert.equal(response.headers.get('location'), null, 'RFC 6749 4.1.2.1: a page, never a redirect');
    assert.equal(form, undefined);
  }
  for (const items of [{ response_type: 'token' }, { response_type: 'code token' }, { client_id: 'evil' },
    { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }]) {
    const { response } = await openPage(authorizeUrl(as, attempt, items));
    assert.equal(response.status, 400, JSON.stringify(items));
    assert.equal(response.headers.get('location'), null);
  }
  const twice = authorizeUrl(as, attempt, {});
  twice.searchParams.append('redirect_uri', 'https://evil.example/');
  assert.equal((await openPage(twice)).response.status, 400, 'a parameter twice (RFC 6749 3.1)');
});

test('mix-up: a code of one sign-in is of no use in another (RFC 9700 4.4)', async (t) => {
  const as = await metadata();
  await t.test('a client that waits for one state takes no answer with another (RFC 9700 4.7)', async () => {
    const callback = await signIn(as, { items: { state: 'mine' } });
    assert.throws(() => oauth.validateAuthResponse(as, client, callback, 'other'));
  });
  await t.test('two sign-ins at once keep their codes apart', async () => {
    const verifiers = [oauth.generateRandomCodeVerifier(), oauth.generateRandomCodeVerifier()];
    const callbacks = [];
    for (const verifier of verifiers) {
      callbacks.push(await signIn(as, { items: { state: 's', code_challenge_method: 'S256',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier) } }));
    }
    await assert.rejects(exchange(as, callbacks[0], { state: 's', verifier: verifiers[1] }), refused('invalid_grant'));
  });
  await t.test('a code for another client is refused', async () => {
    const params = oauth.validateAuthResponse(as, client, await signIn(as), oauth.expectNoState);
    const answer = await oauth.authorizationCodeGrantRequest(as, { client_id: 'another' }, oauth.None(), params, redirect,
      oauth.nopkce, options);
    await assert.rejects(oauth.processAuthorizationCodeResponse(as, { client_id: 'another' }, answer), refused('invalid_client'));
  });
});

test('cookie tossing and cross-site requests (RFC 9700 4.7)', async (t) => {
  const as = await metadata();
  const url = authorizeUrl(as, await attemptOf('eliza@betterbag.com'), {});
  const theirs = await openPage(authorizeUrl(as, await attemptOf('mallory@betterbag.com'), {}));
  const mine = await openPage(url);
  const forbidden = async (how, why) => {
    const answer = await submit(mine, 'eliza@betterbag.com', how);
    assert.equal(answer.status, 403, why);
    assert.equal(answer.headers.get('location'), null, why);
  };
  await t.test('the cookie has a name that no other host can set', () => {
    const [line] = mine.response.headers.getSetCookie();
    assert.match(line, /^__Host-[^=]+=[^;]+;/);
    for (const item of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) assert.ok(line.includes(`; ${item}`), item);
    assert.ok(!/domain=/i.test(line));
  });
  await t.test('a form without its cookie is refused', () => forbidden({ cookie: 'other=1' }, 'no cookie'));
  await t.test('a form with the cookie of another browser is refused', () => forbidden({ cookie: theirs.cookie }, 'tossed'));
  await t.test('an attacker’s form with the person’s cookie is refused', () => forbidden({ form: theirs.form }, 'their form'));
  await t.test('a cookie whose name lacks the prefix does not count', () =>
    forbidden({ cookie: mine.cookie.replace('__Host-', '') }, 'plain name'));
  await t.test('the last page gives nothing to a browser that did not sign in', async () => {
    const sent = await submit(mine, 'eliza@betterbag.com');
    const done = new URL(sent.headers.get('location'), server.url);
    for (const cookie of [mine.cookie, `${theirs.cookie}; ${cookies(sent)}`, cookies(sent)]) {
      const answer = await ask(done, { headers: { cookie } });
      assert.equal(answer.status, 403);
      assert.equal(answer.headers.get('location'), null);
    }
  });
});

test('what carries a secret is neither stored nor told to others (RFC 9700 4.2, 4.3)', async () => {
  const as = await metadata();
  const page = await openPage(authorizeUrl(as, await attemptOf('eliza@betterbag.com'), {}));
  assert.match(page.response.headers.get('cache-control'), /no-store/);
  assert.equal(page.response.headers.get('referrer-policy'), 'no-referrer');
  assert.match(page.response.headers.get('content-security-policy'), /frame-ancestors 'none'/, 'RFC 9700 4.16: no frames');
  const sent = await submit(page, 'eliza@betterbag.com');
  assert.equal(sent.headers.get('referrer-policy'), 'no-referrer');
  assert.match(sent.headers.get('cache-control'), /no-store/);
  assert.ok(!sent.headers.get('location').includes('code='), 'no code in a path of this server');
});

test('a token is refused outside of its header (RFC 9700 2.2.1, 4.3.2)', async () => {
  const as = await metadata();
  const { access_token: token } = await signedIn(as);
  const answer = await ask(`${server.url}/mdm/better-bag/checkin?access_token=${token}`, { method: 'PUT', body: '<plist/>',
    headers: { 'content-type': 'application/x-apple-aspen-mdm-checkin' } });
  assert.ok([400, 401, 403].includes(answer.status), `${answer.status}`);
});
