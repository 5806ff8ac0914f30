// The page of a simulated device, in Chromium: a person signs in, polls and leaves, with a real server behind it.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { axe, cross, drawn, launch, lookAt, looks } from './look.mjs';
import { Server } from './server.mjs';

const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.resolve(top, process.env.POSTERN_BUILD ?? 'build');
const program = path.join(build, 'postern-device');
const user = 'eliza@betterbag.com';
const password = 'correct horse battery staple';

let server;
let browser;
let device;
let url;

before(async () => {
  server = await Server.start();
  await server.addUser(user, password);
  execFileSync(program, ['ca', '--out', path.join(server.folder, 'built-in')]);
  device = spawn(program, ['page', '--state', path.join(server.folder, 'phone'), '--',
    '--family', 'iPhone', '--cacert', path.join(server.data, 'tls/ca.pem'), '--device-key', 'p256',
    '--device-ca', path.join(server.folder, 'built-in'), '--maid-delay', '0', '--connect-to',
    `betterbag.com:443:127.0.0.1:${server.port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of readline.createInterface({ input: device.stdout })) {
    if (line.startsWith('page ')) url = line.slice(5);
    if (line === 'ready') break;
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  const ended = new Promise((resolve) => device?.on('exit', (code, signal) => resolve(code ?? signal)));
  device?.kill('SIGTERM');
  assert.equal(await ended, 0, 'postern-device ends cleanly on SIGTERM');
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
});

const send = (method, where, headers, body = '') => new Promise((resolve, reject) => {
  const target = new URL(where);
  const request = http.request({ host: target.hostname, port: target.port, path: target.pathname, method, headers }, (reply) => {
    reply.resume();
    reply.on('end', () => resolve(reply));
  });
  request.on('error', reject);
  request.end(body);
});

async function look(page, name) {
  await page.evaluate(axe);
  for (const l of looks) await lookAt(page, name, 'en', l);
  for (const l of cross) await lookAt(page, name, 'en', l, drawn);
}

test('the page is for this machine, this address and this page alone', async () => {
  const { origin, host } = new URL(url);
  const json = { 'Content-Type': 'application/json' };
  const page = await send('GET', url, {});
  assert.equal(page.statusCode, 200);
  assert.match(page.headers['content-security-policy'], /default-src 'none'; script-src 'nonce-[\w-]{43}'/);
  assert.equal(page.headers['cache-control'], 'no-store');
  assert.equal((await send('GET', `${origin}/`, {})).statusCode, 404, 'without the token');
  assert.equal((await send('GET', `${origin}/${'x'.repeat(43)}`, {})).statusCode, 404, 'with another token');
  assert.equal((await send('GET', url, { Host: 'evil.example' })).statusCode, 404, 'under another name');
  assert.equal((await send('GET', `${url}/state`, { Host: `evil.example:${new URL(url).port}` })).statusCode, 404);
  assert.equal((await send('POST', `${url}/poll`, json, '{}')).statusCode, 403, 'without an Origin');
  assert.equal((await send('POST', `${url}/poll`, { ...json, Origin: 'https://evil.example' }, '{}')).statusCode, 403);
  assert.equal((await send('POST', `${url}/poll`, { ...json, Origin: 'null' }, '{}')).statusCode, 403);
  assert.equal((await send('POST', `${url}/erase`, { ...json, Origin: `http://${host}` }, '{}')).statusCode, 404, 'no such command');
  assert.equal((await send('POST', `${url}/enroll`, { ...json, Origin: `http://${host}` }, 'x')).statusCode, 400, 'no JSON');
});

test('a person signs in, is managed and leaves, by keyboard', async (t) => {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (e) => wrong.push(e.message));
  const outcome = async () => {
    await page.waitForFunction(() => /^(Done\.|(?!Working)..*)$/s.test(document.querySelector('#outcome').textContent) &&
      !document.querySelector('#go').disabled, null, { timeout: 120000 });
    return page.locator('#outcome').innerText();
  };
  const signIn = async (secret) => {
    await page.locator('#identifier').focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.type(user);
    await page.keyboard.press('Tab');
    await page.keyboard.type(secret);
    await page.keyboard.press('Enter');
    return outcome();
  };

  await t.test('a device that nobody signed in to', async () => {
    await page.goto(url);
    await page.locator('#signin').waitFor();
    assert.equal(await page.locator('#state').innerText(), 'This device is not managed.');
    await look(page, 'device-new');
  });
  await t.test('a wrong password is said in the words of the sign-in page', async () => {
    assert.match(await signIn('not the password'), /sign-in: .*password/);
    assert.equal(await page.locator('#outcome').getAttribute('class'), 'alert');
    await look(page, 'device-refused');
  });
  await t.test('signed in, the person sees who manages what and what is seen', async () => {
    assert.equal(await signIn(password), 'Done.');
    await page.locator('#managed').waitFor();
    assert.equal(await page.locator('#state').innerText(), 'This device is managed by Better Bag.');
    assert.match(await page.locator('#account').innerText(), /Managed Apple Account\s+eliza@betterbag.com[\s\S]*User Enrollment/);
    assert.match(await page.locator('#contents').innerText(), /Notes app\n[\s\S]*Contacts app: not apart on this system/);
    const sees = await page.locator('#sees').innerText();
    assert.match(sees, /Product Name\s+iPhone17,2/);
    assert.doesNotMatch(sees, /UDID|Serial Number/);
    assert.match(await page.locator('#sees-not').textContent(), /UDID/);
    assert.match(await page.locator('#does-not').textContent(), /Erase Device/);
    await page.locator('#seen summary').first().press('Enter');
    await look(page, 'device-managed');
  });
  await t.test('what the organization sends is there after the next tap', async () => {
    const { items: [{ id }] } = JSON.parse(await server.admin('--json', 'enrollment', 'list'));
    const profile = Buffer.from(await server.run(['preset', 'work-data', '--mode', 'byod', '--os', 'iOS'])).toString('base64');
    await server.run(['--data', server.data, 'command', 'send', id, '--plist', '-'], '<plist version="1.0"><dict>' +
      `<key>RequestType</key><string>InstallProfile</string><key>Payload</key><data>${profile}</data></dict></plist>`);
    await page.locator('#poll').press('Enter');
    assert.equal(await outcome(), 'Done.');
    assert.match(await page.locator('#told').innerText(), /InstallProfile: Acknowledged/);
    assert.match(await page.locator('#profiles').innerText(), /work-data/i);
  });
  await t.test('who has to sign in again is asked for the password, and stays managed', async () => {
    await server.admin('token', 'revoke', '--user', user);
    await page.locator('#poll').press('Enter');
    assert.match(await outcome(), /the person must sign in again/);
    assert.equal(await page.locator('#state').innerText(), 'This device is managed by Better Bag.');
    assert.ok(await page.locator('#identifier').isHidden());
    await look(page, 'device-again');
    await page.locator('#password').fill(password);
    await page.locator('#password').press('Enter');
    assert.equal(await outcome(), 'Done.');
    assert.ok(await page.locator('#password').isHidden());
  });
  await t.test('leaving asks first, and takes everything', async () => {
    await page.locator('#leave').press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'no');
    await look(page, 'device-leaving');
    await page.locator('#yes').press('Enter');
    assert.equal(await outcome(), 'Done.');
    assert.match(await page.locator('#state').innerText(), /Not managed any more: the person removed it/);
    assert.ok(await page.locator('#seen').isHidden());
  });
  assert.deepEqual(wrong, []);
  await context.close();
});
