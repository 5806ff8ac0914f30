// The console in Chromium: ten things that administrators do, with their clicks counted; every screen as axe sees it, in
// light and dark, narrow and wide; the keyboard; that what others change is seen without a click.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { axe, cross, drawn, launch, lookAt, looks } from './look.mjs';
import { Server, freePort } from './server.mjs';
import { code, step } from './totp.mjs';

const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const simulator = path.join(path.resolve(top, process.env.POSTERN_CLIENTS ?? process.env.POSTERN_BUILD ?? 'build'), 'postern-device');
const password = 'correct horse battery staple';
const most = 5; // clicks of a task
const profile = (identifier, payload) => `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>${identifier}</string><key>PayloadUUID</key><string>7A0C1E2B-59D4-4A55-9C0E-0C8B7D3E2F10</string>
<key>PayloadDisplayName</key><string>Wi-Fi of the office</string><key>PayloadContent</key><array>${payload}</array></dict></plist>`;
const webClip = '<dict><key>PayloadType</key><string>com.apple.webClip.managed</string><key>PayloadVersion</key><integer>1</integer><key>PayloadIdentifier</key><string>com.betterbag.web.clip</string><key>PayloadUUID</key><string>7A0C1E2B-59D4-4A55-9C0E-0C8B7D3E2F11</string><key>URL</key><string>https://betterbag.com/</string><key>Label</key><string>Bag</string></dict>';

let server;
let browser;
let page;
let enter;
let base;
let wrong = [];
let clicks = 0;

// A device that tries to enroll, and whether it did.
async function device(user, secret, ...args) {
  const child = promisify(execFile)(simulator, ['enroll', user, '--state', fs.mkdtempSync(path.join(server.folder, 'device-')),
    '--cacert', path.join(server.data, 'tls/ca.pem'), '--connect-to', `betterbag.com:443:127.0.0.1:${server.port}`,
    '--device-ca', path.join(server.folder, 'built-in'), '--device-key', 'p256', '--maid-delay', '0', '--password-stdin', ...args]);
  child.child.stdin.end(`${secret}\n`);
  return child.then(() => true, () => false);
}

before(async () => {
  const port = await freePort();
  server = await Server.start({ POSTERN_ADMIN_LISTEN: `127.0.0.1:${port}` });
  base = `https://localhost:${port}/console`;
  await promisify(execFile)(simulator, ['ca', '--out', path.join(server.folder, 'built-in')]);
  await server.run(['--data', server.data, 'administrator', 'add', 'eliza@betterbag.com', '--role', 'admin', '--password-stdin'], `${password}\n`);
  for (const user of ['eliza', 'olga', 'sam']) await server.addUser(`${user}@betterbag.com`, password);
  assert.ok(await device('olga@betterbag.com', password, '--family', 'Mac', '--os', '15.1'), 'a Mac enrolls');
  assert.ok(await device('sam@betterbag.com', password, '--family', 'iPad', '--os', '17.5'), 'an iPad enrolls');
  assert.ok(!await device('eliza@betterbag.com', 'not the password', '--family', 'iPhone', '--os', '18.2'), 'an iPhone does not');
  await server.admin('device-group', 'add', 'tablets', '--model-family', 'iPad');
  await server.admin('app', 'add', 'notes', '--app-store-id', '361309726');
  browser = await launch();
  enter = async (role) => {
    const { secret } = JSON.parse(await server.admin('--json', 'api-token', 'add', `browser ${role}`, '--role', role));
    return (await browser.newContext({ ignoreHTTPSErrors: true, extraHTTPHeaders: { Authorization: `Bearer ${secret}` } })).newPage();
  };
  page = await enter('admin');
  page.on('pageerror', (error) => wrong.push(error.stack));
  page.on('console', (message) => { if (/content security policy|trusted/i.test(message.text())) wrong.push(message.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(new URL(base).origin)) wrong.push(`asks ${request.url()}`); });
  page.setDefaultTimeout(60000);
});

after(async () => {
  await browser?.close();
  const { how } = (await server?.stop()) ?? {};
  assert.equal(how, 0, 'posternd ends cleanly on SIGTERM');
});

// ---- what a person does ----

const click = async (target) => { clicks += 1; await target.click(); };
const choose = async (label, value) => { clicks += 1; await page.getByLabel(label, { exact: true }).selectOption(value); };
const button = (name) => page.getByRole('button', { name, exact: true });
const inDialog = (name) => page.locator('dialog').getByRole('button', { name, exact: true });
const screen = (name) => page.getByRole('navigation').getByRole('link', { name, exact: true });
const row = (name) => page.locator('main [data-row]').filter({ hasText: name }).first();
const reads = (text) => page.locator('main').getByText(text).first().waitFor();
const said = (text) => page.locator('#said').getByText(text).waitFor();

// Another query has the browser load the page anew, not only go to another place in it.
let loads = 0;
const load = (where, hash) => where.goto(`${base}?${loads += 1}#${hash}`);
async function open(hash = '/overview') {
  await load(page, hash);
  await ready();
  clicks = 0;
}
// The address changes before the screen does.
async function ready() {
  await page.waitForFunction(() => document.querySelector('main')?.dataset.shown === location.hash && document.querySelector('main .part') && !document.querySelector('main [aria-busy]'));
}

const tasks = {
  'find why Eliza’s iPhone failed': async () => {
    await click(row('wrong password')); // of what fails, on the first page of all
    await page.waitForURL(/code=signin-wrong-password/);
    await click(row('eliza@betterbag.com'));
    await reads('wrong password');
    await reads('What to do:');
  },
  'read what Sam’s iPad may be asked': async () => {
    await click(screen('Enrollments'));
    await click(row('sam@betterbag.com'));
    await click(page.getByText(/\d+ kinds of commands/));
    await reads('DeviceLock');
    assert.equal(await page.getByText('EraseDevice', { exact: true }).count(), 0, 'a personal enrollment is never asked to erase');
  },
  'say what Olga’s Mac would get, as one types': async () => {
    await click(screen('Rules'));
    await page.getByLabel('Person', { exact: true }).fill('olga@betterbag.com');
    await choose('With', 'Mac');
    await reads('Rule 4 decides');
  },
  'stage Macs to ADDE for 10 % of a group': async () => {
    await click(screen('Rules'));
    await click(button('Add a rule…'));
    const dialog = page.locator('dialog');
    clicks += 2; // both lists
    await dialog.getByLabel('The device gets').selectOption('adde');
    await dialog.getByLabel('Family of devices').selectOption('Mac');
    await dialog.getByLabel('People of the group').fill('sales');
    await dialog.getByLabel('Percentage of them').fill('10');
    await click(inDialog('Add'));
    await reads('1. People of the group sales, with Mac, 10 % of them');
    assert.match(await server.admin('rule', 'list'), /sales/);
  },
  'give the tablets an app': async () => {
    await click(screen('Groups'));
    await click(row('tablets'));
    await click(button('Give something…'));
    await page.locator('dialog').getByLabel('What', { exact: true }).selectOption('app/notes');
    clicks += 1;
    await click(inDialog('Give'));
    await said('tablets is given notes.');
    await reads('App');
  },
  'add a profile; what is none is refused with a sentence': async () => {
    await click(screen('Profiles and apps'));
    await click(button('Add a profile…'));
    const file = page.locator('dialog input[type=file]');
    await file.setInputFiles({ name: 'a.mobileconfig', mimeType: 'text/plain', buffer: Buffer.from('<plist/>') });
    await click(inDialog('Add'));
    await page.locator('dialog .wrong:not(:empty)').waitFor();
    await file.setInputFiles({ name: 'b.mobileconfig', mimeType: 'text/plain', buffer: Buffer.from(profile('com.betterbag.web', webClip)) });
    await click(inDialog('Add'));
    await reads('com.betterbag.web');
  },
  'shut Olga out': async () => {
    await click(screen('People'));
    await click(row('olga@betterbag.com'));
    await click(button('Shut out…'));
    await click(inDialog('Shut out'));
    await reads('No, since');
    assert.match(await server.admin('user', 'show', 'olga@betterbag.com'), /Disabled +yes/);
  },
  'evict Sam’s iPad, once it is said what is lost and typed': async () => {
    await click(screen('Enrollments'));
    await click(row('sam@betterbag.com'));
    await click(button('Evict…'));
    await page.locator('dialog').getByText('What will be lost').waitFor();
    assert.ok(await inDialog('Evict').isDisabled(), 'not before it is typed');
    await page.locator('#typed').fill('evict');
    await click(inDialog('Evict'));
    await reads('Being evicted');
  },
  'see who changed what': async () => {
    await click(screen('Audit'));
    await reads('POST /enrollments/{enrollment}/evict');
    await reads('each as it was written');
  },
  'refuse a program from now on': async () => {
    await server.admin('api-token', 'add', 'old', '--role', 'read');
    await click(screen('Settings'));
    await click(button('Revoke old'));
    await page.locator('#typed').fill('old');
    await click(inDialog('Revoke'));
    await said('old was revoked.');
  },
};

for (const [name, run] of Object.entries(tasks)) {
  test(`${name}, in at most ${most} clicks`, async () => {
    await open();
    await run();
    assert.ok(clicks <= most, `${clicks} clicks`);
    assert.deepEqual(wrong, []);
  });
}

test('every screen is clean for axe, light and dark, narrow and wide (WCAG 2.2 AA)', async () => {
  const screens = ['/overview', '/attempts', '/people', '/people/olga@betterbag.com', '/enrollments', '/rules?user=olga@betterbag.com&family=Mac', '/groups',
    '/groups/tablets', '/items', '/audit', '/administrators', '/administrators/eliza@betterbag.com', '/settings'];
  for (const hash of screens) {
    await open(hash);
    await page.evaluate(axe);
    const name = `console${hash.split('?')[0].replaceAll('/', '-').replaceAll('@', '-')}`;
    for (const look of looks) await lookAt(page, name, 'en', look);
    // One style sheet for all: where everything of it is used, the other two pairs as well.
    if (['/overview', '/settings'].includes(hash)) for (const look of cross) await lookAt(page, name, 'en', look, drawn);
  }
  await open('/attempts');
  await page.locator('main [data-row]').first().click();
  await reads('What happened');
  await page.evaluate(axe);
  for (const look of looks) await lookAt(page, 'console-attempt', 'en', look);
  await open('/enrollments');
  await row('olga@betterbag.com').click();
  await button('Evict…').click();
  await page.evaluate(axe);
  for (const look of looks) await lookAt(page, 'console-dialog', 'en', look);
});

test('the keyboard goes everywhere, and can be told not to (WCAG 2.1.4)', async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await open();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.waitForURL(/#\/attempts/);
  await ready();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('[data-row]')].indexOf(document.activeElement)), 0);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
  await page.keyboard.type('eliza@betterbag.com');
  await page.keyboard.press('Enter');
  await page.waitForURL(/user=eliza/);
  await ready();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByLabel('Keys without Ctrl or Alt do this').uncheck();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('dialog'));
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement.matches('[data-row]')), false, 'off is off');
  await page.evaluate(() => localStorage.clear());
});

test('what is not there is said once, with the way back', async () => {
  await open('/enrollments');
  await page.evaluate(() => { location.hash = '#/enrollments/NOSUCH'; });
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await page.waitForFunction(() => document.getElementById('fresh').textContent === '');
  assert.deepEqual(await page.getByText('no enrollment NOSUCH').allTextContents(), ['There is no enrollment NOSUCH (postern enrollment list)']);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1', 'whoever listens is told');
  await page.evaluate(axe);
  for (const look of looks) await lookAt(page, 'console-not-there', 'en', look);
  await page.locator('main').getByRole('link', { name: 'Enrollments' }).click();
  await page.waitForURL(/#\/enrollments$/);
  await ready();
  assert.deepEqual(wrong, []);
});

test('an address that leads nowhere says so, with the way to the overview', async () => {
  for (const hash of ['/nosuch', '/nosuch/1', '/rules/1', '/%E0%A4%A']) {
    await load(page, hash);
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    assert.equal(await screen('Overview').getAttribute('aria-current'), null, hash);
  }
  await page.evaluate(axe);
  for (const look of looks) await lookAt(page, 'console-nowhere', 'en', look);
  await page.locator('main').getByRole('link', { name: 'To the overview' }).click();
  await page.waitForURL(/#\/overview$/);
  await ready();
  assert.deepEqual(wrong, []);
});

test('a server that does not answer at the start is said, not a blank page', async () => {
  await page.route('**/api/v1/me', (route) => route.abort(), { times: 1 });
  await load(page, '/overview');
  await page.getByText('The server does not answer.').waitFor();
  assert.deepEqual(wrong, []);
});

test('buttons of rows stand under one another, at the end of the row', async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const [hash, name, most] of [['/rules', /^Remove rule/, 7], ['/rules', /^Move rule \d+ up/, 7], ['/settings', 'Remove betterbag.com', 1]]) {
    await open(hash);
    const places = await page.getByRole('button', { name }).evaluateAll((all) => all.map((b) => [b, b.closest('table')].map((e) => Math.round(e.getBoundingClientRect().right))));
    assert.ok(places.length >= most, `${places.length} of ${name}`);
    assert.equal(new Set(places.map(([right]) => right)).size, 1, `${hash}: ${places}`);
    if (String(name).includes('Remove')) assert.deepEqual(places.map(([right, end]) => end - right).filter((away) => away > 1), [], hash);
  }
});

test('what others change is seen without a click', async () => {
  await open('/people');
  await server.addUser('late@betterbag.com', password);
  await reads('late@betterbag.com');
});

test('files are the same for good under their path; nothing inline runs, and nothing from elsewhere', async () => {
  const index = await page.request.get(base);
  const policy = index.headers()['content-security-policy'];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|data:|\*/);
  const file = (await index.text()).match(/src="([^"]+app\.js)"/)[1];
  const answer = await page.request.get(new URL(file, base).href);
  assert.match(answer.headers()['cache-control'], /immutable/);
  assert.equal((await page.request.get(new URL(file.replace(/files\/[^/]+/, 'files/0123456789abcdef'), base).href)).status(), 404, 'another version is not here');
  assert.equal((await fetchDevices('/console')), 404, 'nor is the console on the listener of devices');
  const root = await page.request.get(new URL('/', base).href, { maxRedirects: 0 });
  assert.deepEqual([root.status(), new URL(root.headers().location ?? 'about:blank', base).pathname], [303, '/console/'], 'the host alone leads to it');
  assert.equal(await fetchDevices('/'), 404, 'there only');
  assert.deepEqual(wrong, []);
});

test('the help desk is shown what it may see, and nothing else is asked for', async () => {
  const desk = await enter('help-desk');
  const refused = [];
  desk.on('response', (answer) => { if (answer.status() >= 400 && answer.url().includes('/api/')) refused.push(answer.url()); });
  await desk.goto(`${base}#/settings`);
  await desk.getByText('Better Bag').first().waitFor();
  await desk.waitForFunction(() => !document.querySelector('main [aria-busy]'));
  assert.deepEqual(await desk.getByRole('navigation').getByRole('link').allTextContents(), ['Overview', 'Attempts', 'People', 'Enrollments', 'Rules', 'Settings']);
  await load(desk, '/audit');
  await desk.getByText('not yours to see').waitFor();
  assert.deepEqual(refused, []);
});

test('who may only look is shown no button that changes anything', async () => {
  const reader = await enter('read');
  const buttons = [];
  for (const hash of ['/people', '/people/olga@betterbag.com', '/enrollments', '/rules', '/groups', '/groups/tablets', '/items', '/settings']) {
    await load(reader, hash);
    await reader.waitForFunction(() => document.querySelector('main .part') && !document.querySelector('main [aria-busy]'));
    buttons.push(...await reader.locator('main button:visible').allTextContents());
  }
  assert.deepEqual(buttons.filter((b) => b !== 'Search'), []);
});

test('people are found by how words of theirs begin', async () => {
  await open('/people');
  await page.getByRole('searchbox').fill('SA');
  await page.keyboard.press('Enter');
  await page.waitForURL(/search=SA/);
  await ready();
  assert.deepEqual(await page.locator('main [data-row]').allTextContents(), ['sam@betterbag.com']);
});

test('what somebody else changed meanwhile is not changed, and it is said (RFC 9110 13.1.1)', async () => {
  await server.addUser('two@betterbag.com', password);
  await open('/people/two@betterbag.com');
  await button('Groups…').click();
  await page.locator('dialog').getByLabel('Groups, separated by commas').fill('sales');
  await server.admin('user', 'disable', 'two@betterbag.com');
  await inDialog('Save').click();
  await page.locator('dialog').getByText('Somebody else changed this').waitFor();
  await inDialog('Cancel').click();
  await reads('No, since');
  await button('Groups…').click();
  await page.locator('dialog').getByLabel('Groups, separated by commas').fill('sales');
  await inDialog('Save').click();
  await reads('sales');
});

test('a person who asks to be forgotten is erased, once it is said what is lost', async () => {
  await open('/people/two@betterbag.com');
  const [file] = await Promise.all([page.waitForEvent('download'), button('Export…').click()]);
  assert.equal(JSON.parse(fs.readFileSync(await file.path())).user, 'two@betterbag.com');
  await button('Erase…').click();
  await page.locator('dialog').getByText('Their name in the audit').waitFor();
  await page.locator('#typed').fill('two@betterbag.com');
  await inDialog('Erase').click();
  await said('two@betterbag.com was erased');
  await open('/people/two@betterbag.com');
  await reads('Nobody of that name is here');
});

test('an administrator signs in and comes back to where they were; signed out by another, likewise', async () => {
  const person = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  person.setDefaultTimeout(60000);
  const quiet = [];
  const thrown = [];
  person.on('pageerror', (error) => thrown.push(error.message));
  person.on('request', (r) => { if (r.url().includes('/api/v1/users?')) quiet.push(r.headers()['postern-quiet']); });
  await person.goto(`${base}/#/people?search=eliza`);
  await person.getByLabel('User name').fill('eliza@betterbag.com');
  await person.getByLabel('Password').fill(password);
  await person.getByRole('button', { name: 'Sign in' }).click();
  await person.getByRole('textbox', { name: 'Code' }).fill(code((await person.locator('.code strong').textContent()).trim(), step()));
  await person.keyboard.press('Enter');
  await person.getByRole('link', { name: 'Continue' }).click();
  await person.waitForURL(`${base}/#/people?search=eliza`);
  const lines = await person.locator('.foot').first().locator('a, button').evaluateAll((all) => all.map((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    const { left, bottom } = range.getBoundingClientRect();
    return { text: e.textContent, left: Math.round(left), bottom: Math.round(bottom) };
  }));
  assert.deepEqual(lines.map((l) => l.text), ['Keyboard (?)', 'Your sign-in', 'Sign out']);
  assert.equal(lines[0].left, lines[1].left, 'they begin under one another');
  assert.equal(lines[1].bottom, lines[2].bottom, 'and stand on one line');
  await person.locator('main [data-row]').filter({ hasText: 'eliza@betterbag.com' }).click();
  await person.getByRole('button', { name: 'Shut out…' }).click();
  await person.locator('dialog').getByRole('button', { name: 'Shut out' }).click();
  await person.getByText('No, since').waitFor();
  await person.goto(`${base}/#/people`);
  for (let i = 0; i < 100 && quiet.at(-1) !== '1'; i += 1) await person.waitForTimeout(200);
  assert.ok(quiet.includes(undefined) && quiet.at(-1) === '1', 'what the page asks by itself keeps nobody signed in');

  await open('/administrators');
  await row('eliza@betterbag.com').click();
  await button('Sign out everywhere…').click();
  await inDialog('Sign out').click();
  await said('eliza@betterbag.com is signed out everywhere.');
  await person.waitForURL(/\/console\/sign-in\?to=%2Fconsole%2F%23%2Fpeople$/);
  assert.deepEqual(thrown, [], 'who comes without being signed in, or is signed out, meets no error on the way');
  await person.context().close();
});

const fetchDevices = async (where) => (await page.request.get(`${server.url}${where}`)).status();
