// Administrators sign in, in Chromium: an authenticator app, a security key (the browser's virtual one), an identity
// provider; and what axe finds on each page.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import jsQR from 'jsqr';

import { axe, launch, lookAt, looks } from './look.mjs';
import { Server, freePort, listening } from './server.mjs';
import { code, step as now } from './totp.mjs';

const password = 'correct horse battery staple';
let server;
let browser;
let home;
let provider;

before(async () => {
  const port = await freePort();
  process.env.POSTERN_ADMIN_LISTEN = `127.0.0.1:${port}`;
  server = await Server.start();
  delete process.env.POSTERN_ADMIN_LISTEN;
  while (!(await listening(port))) await new Promise((resolve) => setTimeout(resolve, 50));
  home = `https://localhost:${port}`;
  for (const name of ['eliza', 'anna'])
    await server.run(['--data', server.data, 'administrator', 'add', `${name}@betterbag.com`, '--role', 'admin',
      '--password-stdin'], `${password}\n`);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  provider?.stdin.end();
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
  assert.ok(!said.includes(password), 'no password in the log');
});

// A page that has begun, and what the browser complained of.
async function open(name) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('status of 403')) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${home}/console/sign-in?to=/console/`);
  return { context, page, complaints, password: async () => {
    await page.getByLabel('User name').fill(`${name}@betterbag.com`);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForLoadState();
  } };
}

const looked = async (page, name) => {
  for (const look of looks) {
    await page.evaluate(axe);
    await lookAt(page, `administrator-${name}`, 'en', look);
  }
};
// What the picture on the page says to a reader that is not ours.
async function read(page) {
  const scale = 4;
  const svg = page.getByRole('img', { name: 'QR code' });
  const size = Number((await svg.getAttribute('viewBox')).split(' ')[2]) * scale;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  for (const [, x, y] of (await svg.locator('path').last().getAttribute('d')).matchAll(/M(\d+) (\d+)/g))
    for (let i = 0; i < scale; i++)
      for (let j = 0; j < scale; j++) {
        const at = ((y * scale + i) * size + x * scale + j) * 4;
        pixels.fill(0, at, at + 3);
      }
  return (jsQR.default ?? jsQR)(pixels, size, size)?.data;
}
const me = async (page) => (await page.context().request.get(`${home}/api/v1/me`)).json();

test('password and an authenticator app, by keyboard', async () => {
  const s = await open('eliza');
  await looked(s.page, 'name');
  await s.page.keyboard.type('eliza@betterbag.com');
  await s.page.keyboard.press('Tab');
  await s.page.keyboard.type('wrong');
  await s.page.keyboard.press('Enter');
  await s.page.getByRole('alert').waitFor();
  await looked(s.page, 'wrong');
  await s.password();
  await looked(s.page, 'enrol');
  const secret = (await s.page.locator('.code strong').textContent()).trim();
  assert.match(await read(s.page), new RegExp(`^otpauth://totp/Postern%20localhost:eliza%40betterbag.com\\?secret=${secret}&`));
  await s.page.getByRole('textbox', { name: 'Code' }).fill(code(secret, now()));
  await s.page.keyboard.press('Enter');
  await s.page.getByRole('heading', { name: 'Keep these codes' }).waitFor();
  await looked(s.page, 'codes');
  assert.equal(await s.page.locator('li code').count(), 10);
  await s.page.getByRole('link', { name: 'Continue' }).click();
  await s.page.waitForURL(`${home}/console/`);
  assert.equal((await me(s.page)).name, 'eliza@betterbag.com');
  assert.deepEqual(s.complaints.filter((c) => !c.includes('401')), []);
  await s.context.close();
});

test('a security key: made at the first sign-in, used at the next, a copy of it refused', async () => {
  const s = await open('anna');
  const cdp = await s.context.newCDPSession(s.page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2',
    transport: 'usb', hasResidentKey: false, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await s.password();
  await s.page.getByRole('button', { name: 'Set up a security key or passkey' }).click();
  await s.page.getByRole('heading', { name: 'Keep these codes' }).waitFor();
  assert.equal((await me(s.page)).name, 'anna@betterbag.com');
  const { credentials: [made] } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });

  const again = async () => {
    await s.page.goto(`${home}/console/sign-in?to=/console/`);
    await s.password();
    await s.page.getByRole('button', { name: 'Use your security key or passkey' }).click();
  };
  await s.page.goto(`${home}/console/sign-in?to=/console/`);
  await s.password();
  await looked(s.page, 'second');
  await s.page.getByRole('button', { name: 'Use your security key or passkey' }).click();
  await s.page.waitForURL(`${home}/console/`);
  assert.equal((await me(s.page)).way, 'session');
  assert.ok((await me(s.page)).proven_until, 'it counts as having been asked');

  // The same key with a counter that went back, as a copy has it (WebAuthn 7.2, step 21).
  await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: made.credentialId });
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...made, signCount: 0 } });
  await again();
  await s.page.getByRole('alert').waitFor();

  // Without the key the page says so, and stays.
  await cdp.send('WebAuthn.clearCredentials', { authenticatorId });
  await again();
  await s.page.getByText('The key did not answer').waitFor({ timeout: 130000 });
  assert.deepEqual(s.complaints.filter((c) => !c.includes('401')), []);
  await s.context.close();
});

test('an identity provider signs in whom it was told to, and nobody else', async () => {
  const at = (name) => path.join(server.folder, name);
  const tls = (name) => path.join(server.data, 'tls', name);
  const people = Object.fromEntries(['olga', 'paul'].map((name) => [name, { sub: `sub-${name}`, password, name,
    email: `${name}@betterbag.com`, groups: [] }]));
  fs.writeFileSync(at('secret'), 'a secret of the provider\n', { mode: 0o600 });
  fs.writeFileSync(at('people.json'), JSON.stringify(people));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=postern', '-keyout', at('key'),
    '-out', at('key.pem')], { stdio: 'ignore' });
  provider = spawn(process.execPath, [path.join(path.dirname(fileURLToPath(import.meta.url)), '../provider/provider.mjs'),
    tls('server.pem'), tls('server.key'), at('people.json'), 'a secret of the provider', `${home}/console/sign-in/answer`,
    at('key')], { stdio: ['pipe', 'pipe', 'ignore'] });
  const { generic } = JSON.parse((await readline.createInterface({ input: provider.stdout })[Symbol.asyncIterator]().next()).value);
  await server.admin('idp', 'add', 'oidc', '--issuer', `https://localhost:${generic}`, '--client-id', 'postern',
    '--client-secret-file', at('secret'), '--cacert', tls('ca.pem'), '--name', 'Better Bag SSO');
  const { items: [{ id }] } = JSON.parse(await server.admin('idp', 'list', '--json'));
  await server.admin('administrator', 'add', 'olga@betterbag.com', '--role', 'read', '--provider', id);

  const goThere = async (name) => {
    const s = await open(name);
    await s.page.getByRole('link', { name: 'Continue with Better Bag SSO' }).click();
    await s.page.locator('input[name=username]').fill(`${name}@betterbag.com`);
    await s.page.locator('input[type=password]').fill(password);
    await s.page.keyboard.press('Enter');
    return s;
  };
  const olga = await goThere('olga');
  await olga.page.waitForURL(`${home}/console/`); // by a page in between: a Strict cookie does not follow the redirect
  const said = await me(olga.page);
  assert.deepEqual([said.name, said.role, said.way], ['olga@betterbag.com', 'read', 'session']);
  assert.ok(said.proven_until, 'the provider was to ask, and did');
  await olga.context.close();

  // Set to take what the provider has open: it is asked all the same to prove who is there, and says that it did.
  await server.admin('idp', 'set', id, '--again', 'session');
  const opened = await goThere('olga');
  await opened.page.waitForURL(`${home}/console/`);
  assert.equal((await me(opened.page)).proven_until, null, 'what a provider may take as it was is no proof');
  await opened.page.goto(`${home}/console/sign-in/prove?to=/console/%23/people`);
  assert.equal(new URL(opened.page.url()).port, `${generic}`, 'the provider asks');
  await opened.page.locator('input[name=username]').fill('olga@betterbag.com');
  await opened.page.locator('input[type=password]').fill(password);
  await opened.page.keyboard.press('Enter');
  await opened.page.waitForURL(`${home}/console/#/people`);
  assert.ok((await me(opened.page)).proven_until > Date.now() / 1000, 'auth_time proves it (OpenID Connect Core 3.1.2.1)');

  // One that does not ask, as if prompt and max_age had been taken out on the way: nothing is proven, and the session stays.
  provider.stdin.write('stubborn\n');
  const stubborn = await goThere('olga');
  await stubborn.page.waitForURL(`${home}/console/`);
  await stubborn.page.goto(`${home}/console/sign-in/prove?to=/console/`);
  await stubborn.page.getByRole('heading', { name: 'Not proven' }).waitFor();
  await looked(stubborn.page, 'not-proven');
  const still = await me(stubborn.page);
  assert.deepEqual([still.name, still.proven_until], ['olga@betterbag.com', null]);
  provider.stdin.write('well\n');
  await server.admin('idp', 'set', id, '--again', 'login');
  await opened.context.close();
  await stubborn.context.close();

  const paul = await goThere('paul');
  await paul.page.getByRole('heading', { name: 'Not signed in' }).waitFor();
  await looked(paul.page, 'refused');
  assert.equal((await me(paul.page)).name, undefined);
  await paul.context.close();

  // Another person to whom the provider gives the same address is not the one who signed in.
  fs.writeFileSync(at('people.json'), JSON.stringify({ olga: { ...people.olga, sub: 'sub-another' } }));
  const other = await goThere('olga');
  await other.page.getByRole('heading', { name: 'Not signed in' }).waitFor();
  await other.context.close();
});
