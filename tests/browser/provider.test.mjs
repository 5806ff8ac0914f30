// From the identifier to the callback through an identity provider, in Chromium, with the keyboard alone.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from './look.mjs';
import { Server } from './server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const scheme = 'apple-remotemanagement-user-login:';
const password = 'correct horse battery staple';
const tenant = '9188040d-6c67-4c5b-b112-36a304b66dad';
const user = 'olga@betterbag.com';
const pictures = process.env.POSTERN_SCREENSHOTS;
const kinds = {
  generic: { args: ['oidc'], path: '' },
  google: { args: ['google', '--tenant', 'betterbag.com'], path: '' },
  entra: { args: ['entra', '--tenant', tenant], path: `/${tenant}/v2.0` },
};
const looks = [];
for (const colorScheme of ['light', 'dark']) for (const width of [320, 1280]) looks.push({ colorScheme, viewport: { width, height: 800 } });

let server;
let browser;
let provider;
let ports;
let secret;

before(async () => {
  server = await Server.start();
  const at = (name) => path.join(server.folder, name);
  const tls = (name) => path.join(server.data, 'tls', name);
  secret = at('secret');
  fs.writeFileSync(secret, 'a secret of the provider\n', { mode: 0o600 });
  fs.writeFileSync(at('people.json'), JSON.stringify({ olga: { sub: 'sub-olga', email: user, password, name: 'Olga', groups: [] } }));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=postern', '-keyout', at('key'),
    '-out', at('key.pem')], { stdio: 'ignore' });
  provider = spawn(process.execPath, [path.join(here, '../provider/provider.mjs'), tls('server.pem'), tls('server.key'),
    at('people.json'), 'a secret of the provider', `${server.url}/signin/provider`, at('key')], { stdio: ['pipe', 'pipe', 'ignore'] });
  ports = JSON.parse((await readline.createInterface({ input: provider.stdout })[Symbol.asyncIterator]().next()).value);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  provider?.stdin.end();
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
  assert.ok(!said.includes(password), 'no password in the log');
});

async function use(kind, ...more) {
  for (const row of JSON.parse(await server.admin('idp', 'list', '--json')).items) await server.admin('idp', 'remove', row.id);
  await server.admin('idp', 'add', ...kinds[kind].args, '--issuer', `https://localhost:${ports[kind]}${kinds[kind].path}`,
    '--client-id', 'postern', '--client-secret-file', secret, '--cacert', path.join(server.data, 'tls/ca.pem'), ...more);
}

async function open(url, look) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false, ...look });
  const page = await context.newPage();
  const callback = new Promise((resolve) => {
    page.on('request', (request) => { if (request.url().startsWith(scheme)) resolve(request.url()); });
    setTimeout(resolve, 90000, null).unref();
  });
  await page.goto(url);
  return { context, page, callback };
}

// Tab until `selector` has the focus.
async function tabTo(page, selector) {
  for (let i = 0; i < 15; i++) {
    if (await page.locator(`${selector}:focus`).count()) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not reach ${selector} on ${page.url()}`);
}

const enter = (page) => Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);

// At the provider: the name is there already, the password is typed.
async function login(page, kind) {
  assert.equal(new URL(page.url()).port, `${ports[kind]}`, 'the browser is at the provider');
  assert.equal(await page.locator('input[name=username]').inputValue(), user, 'which was told for whom (login_hint)');
  await tabTo(page, 'input[type=password]');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
}

for (const kind of Object.keys(kinds)) {
  test(`${kind}: a button, the keyboard alone, no script`, async (t) => {
    await use(kind, '--button', '--name', 'Better Bag SSO');
    for (const look of looks) {
      await t.test(`${look.colorScheme}, ${look.viewport.width} px`, async () => {
        const device = await server.device(user);
        const { context, page, callback } = await open(device.url, look);
        await tabTo(page, '#username'); // the name is asked for first, and again after it was cleared
        await page.keyboard.press('Control+A');
        await page.keyboard.type(user);
        await tabTo(page, 'a.go');
        assert.match(await page.locator('a.go').innerText(), /Better Bag SSO/);
        if (pictures) {
          fs.mkdirSync(pictures, { recursive: true });
          await page.screenshot({ path: path.join(pictures, `button-${kind}-${look.colorScheme}-${look.viewport.width}.png`), fullPage: true });
        }
        await enter(page);
        await login(page, kind);
        assert.match((await callback) ?? 'no callback', /[?&]code=/);
        await context.close();
        if (look === looks[0]) assert.match(await device.finish(await callback), /^enrolled BYOD .* as .+@/);
        else await device.drop();
      });
    }
  });

  test(`${kind}: people are sent there at once`, async () => {
    await use(kind);
    const device = await server.device(user);
    const { context, page, callback } = await open(device.url, looks[0]);
    await login(page, kind);
    assert.match((await callback) ?? 'no callback', /[?&]code=/);
    await context.close();
    await device.drop();
  });
}

test('who cancels at the provider is told so, with a code for the help desk', async () => {
  await use('generic');
  const device = await server.device(user);
  const { context, page } = await open(device.url, { ...looks[1], locale: 'de' });
  await Promise.all([page.waitForNavigation(), page.locator('button[name=cancel]').click({ noWaitAfter: true })]);
  await page.locator('.code strong').waitFor({ timeout: 60000 });
  assert.match(await page.locator('[role=alert]').innerText(), /abgebrochen/);
  if (pictures) await page.screenshot({ path: path.join(pictures, 'provider-cancelled.png'), fullPage: true });
  const shown = JSON.parse(await server.admin('attempt', 'show', await page.locator('.code strong').innerText(), '--json'));
  assert.equal(shown.timeline.at(-1).code, 'provider-cancelled');
  await context.close();
  await device.drop();
});
