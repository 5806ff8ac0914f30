// Administrators sign in, in Chromium: an authenticator app, a security key (the browser's virtual one), and what axe
// finds on each page.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';

import { axe, launch, lookAt, looks } from './look.mjs';
import { Server, freePort, listening } from './server.mjs';

const password = 'correct horse battery staple';
let server;
let browser;
let home;

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
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
  assert.ok(!said.includes(password), 'no password in the log');
});

// RFC 6238 by itself.
function code(secret, step) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = crypto.createHmac('sha1', key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}
const now = () => Math.floor(Date.now() / 30000);

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
  await s.page.getByLabel('Code').fill(code(secret, now()));
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
