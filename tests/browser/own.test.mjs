// What administrators see and change of their own sign-in, and how they prove who they are anew, in Chromium: by keyboard
// alone, in light and dark, narrow and wide, as axe sees it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { axe, cross, launch, lookAt, looks } from './look.mjs';
import { Server, freePort, listening } from './server.mjs';
import { code, step } from './totp.mjs';

const password = 'correct horse battery staple';
const name = 'eliza@betterbag.com';
let server;
let browser;
let home;
let page;
let complaints = [];
let secret;
let codes;

before(async () => {
  const port = await freePort();
  server = await Server.start({ POSTERN_ADMIN_LISTEN: `127.0.0.1:${port}` });
  while (!(await listening(port))) await new Promise((resolve) => setTimeout(resolve, 50));
  home = `https://localhost:${port}`;
  await server.run(['--data', server.data, 'administrator', 'add', name, '--role', 'admin', '--password-stdin'], `${password}\n`);
  browser = await launch();
  page = await enter();
  secret = (await page.locator('.code strong').textContent()).trim();
  await type('Code', code(secret, step()));
  codes = await page.locator('li code').allTextContents();
  page.on('console', (message) => { if (message.type() === 'error' && !/status of (401|403|409)/.test(message.text())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(error.message));
});

after(async () => {
  await browser?.close();
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
  assert.ok(!said.includes(password), 'no password in the log');
});

// A browser of its own whose password was right.
async function enter() {
  const one = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  one.setDefaultTimeout(60000);
  await one.goto(`${home}/console/sign-in?to=/console/`);
  await one.getByLabel('User name').fill(name);
  await one.getByLabel('Password').fill(password);
  await Promise.all([one.waitForNavigation(), one.getByRole('button', { name: 'Sign in' }).click()]);
  return one;
}

const asleep = (sql) => execFileSync('python3', ['-c', 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=60); db.execute(sys.argv[2]); db.commit()',
  path.join(server.data, 'postern.db'), sql]);
const own = () => page.goto(`${home}/console/sign-in/own`);
const heading = (text) => page.getByRole('heading', { name: text, exact: true, level: 1 }).waitFor();
const alerted = (text) => page.getByRole('alert').filter({ hasText: text }).waitFor();

// Tab until the control of that name has the focus; what was passed on the way.
async function tabTo(called) {
  const passed = [];
  for (let i = 0; i < 25; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      return { called: (e.labels?.[0] ?? e).textContent.trim(), outline: getComputedStyle(e).outlineStyle };
    });
    if (at.called !== '') assert.notEqual(at.outline, 'none', `where the focus is, is seen: ${at.called}`);
    passed.push(at.called);
    if (at.called === called) return passed;
  }
  return assert.fail(`Tab does not reach ${called}: ${passed}`);
}
async function press(called) {
  await page.evaluate(() => document.activeElement?.blur());
  await tabTo(called);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}
async function type(label, text, more = []) {
  for (const [l, t] of [[label, text], ...more]) await page.getByLabel(l, { exact: true }).fill(t);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}
async function looked(what) {
  await page.evaluate(axe);
  for (const look of [...looks, ...cross]) await lookAt(page, what, 'en', look);
}

test('one’s own page: what there is, in the order of the page, with the keyboard alone', async () => {
  await own();
  await heading('Your sign-in');
  await looked('own');
  const passed = await tabTo('Back to the console');
  assert.deepEqual(passed, ['Password now', 'New password', 'Change it; all sessions end', 'Remove the app', 'Make new codes', 'Add a key', 'Back to the console']);
  assert.equal(await page.getByText('10 recovery codes are left').count(), 1);
  assert.equal(await page.getByText('(this one)').count(), 1);
});

test('the last second factor stays, and a password takes the one before it', async () => {
  await own();
  await press('Remove the app');
  await alerted('It is your last second factor');
  await looked('own-last');
  await type('Password now', 'wrong', [['New password', 'another password']]);
  await alerted('That is not your password.');
  await looked('own-wrong');
});

test('new recovery codes are shown once, and the way back', async () => {
  await own();
  await press('Make new codes');
  await heading('Keep these codes');
  await looked('own-codes');
  const fresh = await page.locator('li code').allTextContents();
  assert.ok(fresh.length === 10 && fresh.every((c) => !codes.includes(c)));
  codes = fresh;
  await press('Continue');
  await heading('Your sign-in');
});

test('a key is added, seen and removed; other sessions end', async () => {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2',
    transport: 'usb', hasResidentKey: false, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await own();
  await press('Add a key');
  await heading('Add a key');
  await looked('own-add');
  await press('Set up a security key or passkey');
  const other = await enter();
  await other.getByLabel('Code').fill(codes.pop());
  await Promise.all([other.waitForNavigation(), other.keyboard.press('Enter')]);
  await own();
  await page.getByText('Key or passkey').waitFor();
  await looked('own-both');
  await press('End all others');
  await page.getByRole('status').filter({ hasText: 'The other sessions have ended.' }).waitFor();
  await looked('own-done');
  assert.equal((await other.request.get(`${home}/api/v1/me`)).status(), 401);
  await other.context().close();

  asleep('UPDATE administrator_session SET proven_at = 1');
  await own();
  await heading('Prove who you are');
  await looked('prove');
  await type('Code', '000000');
  await alerted('The code is wrong');
  await looked('prove-wrong');
  await press('Use your security key or passkey');
  await heading('Your sign-in');
  await press('Remove this key');
  await page.getByRole('status').filter({ hasText: 'The key is removed.' }).waitFor();
  await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
});

test('what gives power leads to the proof and back to where one was, in the same session', async () => {
  const cookie = async () => (await page.context().cookies()).find((c) => c.name === '__Host-postern_admin')?.value;
  const before_ = await cookie();
  asleep('UPDATE administrator_session SET proven_at = 1');
  await page.goto(`${home}/console/sign-in/prove?to=/console/%23/people`);
  await heading('Prove who you are');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'code', 'the code can be typed at once');
  await looked('prove-app');
  await page.keyboard.type(codes.pop());
  await page.keyboard.press('Enter');
  await page.waitForURL(`${home}/console/#/people`);
  assert.equal(await cookie(), before_);
  assert.ok((await (await page.request.get(`${home}/api/v1/me`)).json()).proven_until > Date.now() / 1000);
});

test('a new password ends all sessions', async () => {
  await own();
  await type('Password now', password, [['New password', `${password}!`]]);
  await heading('Password changed');
  await looked('own-password');
  await press('Sign in');
  await heading('Sign in');
  assert.deepEqual(complaints, []);
});
