// The sign-in pages in Chromium, as the web view of a device opens them.
//
// Selectors are what the page means, not how it is made: a password field, a submit button, role=alert.
// POSTERN_SCREENSHOTS names a folder for pictures that a person looks at.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { axe, launch } from './look.mjs';
import { Server } from './server.mjs';

const scheme = 'apple-remotemanagement-user-login:';
const password = 'correct horse battery staple';
const pictures = process.env.POSTERN_SCREENSHOTS;
const methods = { 'apple-oauth2': 'eliza@betterbag.com', 'apple-as-web': 'anna@betterbag.com' };

let server;
let browser;

before(async () => {
  server = await Server.start();
  for (const user of ['eliza', 'anna', 'wrong', 'throttled']) await server.addUser(`${user}@betterbag.com`, password);
  await server.admin('rule', 'add', '--user', 'anna@betterbag.com', '--byod', '--method', 'apple-as-web');
  browser = await launch();
  console.log(`# node ${process.version}, Chromium ${browser.version()}`);
});

after(async () => {
  await browser?.close();
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
  assert.ok(!said.includes(password), 'no password in the log');
});

// A page, and the callback's URL once the browser is sent there. A request for the callback scheme is made only
// if the Content-Security-Policy's form-action lets the redirect pass.
async function open(url, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  const seen = { callback: null, console: [], foreign: [], statuses: [] };
  const callback = new Promise((resolve) => {
    page.on('request', (request) => {
      if (request.url().startsWith(scheme)) { seen.callback ??= request.url(); resolve(request.url()); }
      else if (new URL(request.url()).origin !== server.url) seen.foreign.push(request.url());
    });
  });
  page.on('response', (response) => seen.statuses.push([response.request().method(), response.status(), response]));
  page.on('console', (message) => { if (message.type() === 'error') seen.console.push(message.text()); });
  const response = await page.goto(url);
  const called = (ms = 60000) => Promise.race([callback, new Promise((resolve) => setTimeout(resolve, ms, null).unref())]);
  return { context, page, response, seen, called };
}

const press = (page) => page.locator('button[type=submit], input[type=submit]').first().click({ noWaitAfter: true });
const alertText = async (page) => {
  const alert = page.locator('[role=alert]');
  await alert.first().waitFor({ timeout: 60000 });
  return (await alert.allInnerTexts()).join(' ').trim();
};

// Fill in what the page asks for; a page for the name alone is passed by.
async function fill(page, user, secret) {
  for (let step = 0; step < 2; step++) {
    const name = page.locator('input[type=email], input[type=text]');
    for (const field of await name.all()) if (await field.isEditable() && !(await field.inputValue())) await field.fill(user);
    if (await page.locator('input[type=password]').count()) break;
    await Promise.all([page.waitForNavigation(), press(page)]);
  }
  await page.locator('input[type=password]').fill(secret);
}

// The pattern of a callback that carries what the device waits for.
const callbackOf = (method) => (method === 'apple-as-web'
  ? /^apple-remotemanagement-user-login:\/\/authentication-results\?access-token=[A-Za-z0-9._~-]+$/
  : /^apple-remotemanagement-user-login:[^?]+\?(code=[A-Za-z0-9._~-]+&state=[^&]+|state=[^&]+&code=[A-Za-z0-9._~-]+)$/);

for (const [method, user] of Object.entries(methods)) {
  test(`${method}: a person signs in`, async (t) => {
    const device = await server.device(user);
    const { context, page, response, seen, called } = await open(device.url);

    await t.test('the page is HTML, never stored, with a policy that lets nothing foreign in', () => {
      const headers = response.headers();
      assert.equal(response.status(), 200);
      assert.match(headers['content-type'], /^text\/html/);
      assert.match(headers['cache-control'] ?? '', /no-store/);
      assert.match(headers['content-security-policy'] ?? '', /default-src 'none'/);
      assert.match(headers['content-security-policy'] ?? '', /frame-ancestors 'none'/);
      assert.match(headers['content-security-policy'] ?? '', /form-action [^;]*apple-remotemanagement-user-login:/);
    });
    await t.test('it has a language, a title and a page that scales', async () => {
      assert.ok(await page.title());
      assert.ok(await page.locator('html').getAttribute('lang'));
      assert.match((await page.locator('meta[name=viewport]').getAttribute('content')) ?? '', /width=device-width/);
    });
    await fill(page, user, password);
    await press(page);
    const callback = await called();
    await t.test('S-12: the browser is sent to the callback, past the policy', () => {
      assert.ok(callback, `no request for ${scheme}; console: ${seen.console.join(' | ')}`);
      assert.match(callback, callbackOf(method));
    });
    await t.test('S-12: by a 308 that is never stored', () => {
      const [, status, last] = seen.statuses.at(-1);
      assert.equal(status, 308);
      assert.match(last.headers()['cache-control'] ?? '', /no-store/);
    });
    await t.test('nothing was fetched from elsewhere, nothing broke the policy', () => {
      assert.deepEqual(seen.foreign, []);
      assert.deepEqual(seen.console, []);
    });
    await t.test('cookies are Secure, HttpOnly and SameSite', async () => {
      for (const cookie of await context.cookies()) {
        assert.ok(cookie.secure && cookie.httpOnly && cookie.sameSite !== 'None', JSON.stringify({ ...cookie, value: '' }));
      }
    });
    await context.close();
    await t.test('the device enrolls with what the browser brought back', async () => {
      assert.match(await device.finish(callback), /^enrolled BYOD .* as .+@/);
    });
  });

  test(`${method}: signing in works without JavaScript`, async () => {
    const device = await server.device(user);
    const { context, page, called } = await open(device.url, { javaScriptEnabled: false });
    await fill(page, user, password);
    await press(page);
    assert.match((await called()) ?? 'no callback', callbackOf(method));
    await context.close();
    await device.drop();
  });

  test(`${method}: signing in works with the keyboard alone`, async () => {
    const device = await server.device(user);
    const { context, page, called } = await open(device.url);
    const focused = () => page.evaluate(() => {
      const e = document.activeElement;
      return { tag: e.tagName, type: e.getAttribute('type'), value: e.value ?? '', outlined: e === document.body
        || getComputedStyle(e).outlineStyle !== 'none' || getComputedStyle(e).boxShadow !== 'none' };
    });
    let reached = false;
    for (let i = 0; i < 15 && !reached; i++) {
      const at = await focused();
      assert.ok(at.outlined, `what has the focus is seen: ${JSON.stringify({ ...at, value: '' })}`);
      if (at.tag === 'INPUT' && ['email', 'text'].includes(at.type) && !at.value) await page.keyboard.type(user);
      if (at.tag === 'INPUT' && at.type === 'password') { await page.keyboard.type(password); reached = true; break; }
      await page.keyboard.press('Tab');
    }
    assert.ok(reached, 'Tab reaches the password');
    await page.keyboard.press('Enter');
    assert.match((await called()) ?? 'no callback', callbackOf(method));
    await context.close();
    await device.drop();
  });
}

test('a wrong password is told, and the right one then works', async (t) => {
  const user = 'wrong@betterbag.com';
  const device = await server.device(user);
  const { context, page, seen, called } = await open(device.url);
  await fill(page, user, 'not the password');
  await press(page);
  const told = await alertText(page);
  await t.test('an alert says so', () => assert.ok(told.length > 0));
  await t.test('the password is not in the page', async () => {
    assert.equal(await page.locator('input[type=password]').inputValue(), '');
    assert.ok(!(await page.content()).includes('not the password'));
  });
  await t.test('no callback', () => assert.equal(seen.callback, null));
  await t.test('a person who does not exist is told the same', async () => {
    const other = await server.device('nobody@betterbag.com');
    const second = await open(other.url);
    await fill(second.page, 'nobody@betterbag.com', 'not the password');
    await press(second.page);
    assert.equal(await alertText(second.page), told);
    await second.context.close();
    await other.drop();
  });
  await fill(page, user, password);
  await press(page);
  await t.test('the right one signs in', async () => assert.match((await called()) ?? 'no callback', callbackOf('apple-oauth2')));
  await context.close();
  await device.drop();
});

test('a sign-in given up leaves nothing behind', async (t) => {
  const user = methods['apple-oauth2'];
  const device = await server.device(user);
  const first = await open(device.url);
  const cancel = first.page.locator('a, button').filter({ hasText: /cancel/i });
  if (await cancel.count()) {
    await cancel.first().click({ noWaitAfter: true });
    await first.called(2000);
    await t.test('cancelling hands out no token and no code', () => assert.doesNotMatch(first.seen.callback ?? '', /code=|access-token=/));
  }
  await first.context.close();
  const again = await open(device.url);
  await fill(again.page, user, password);
  await press(again.page);
  await t.test('the same device signs in at its next try', async () =>
    assert.match((await again.called()) ?? 'no callback', callbackOf('apple-oauth2')));
  await again.context.close();
  await device.drop();
});

const looks = [];
for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 768]) looks.push({ colorScheme, viewport: { width, height: 700 } });
}

for (const look of looks) {
  const title = `${look.colorScheme}, ${look.viewport.width} px`;
  test(`the page in ${title}`, async (t) => {
    const device = await server.device(methods['apple-oauth2']);
    const shown = await open(device.url, look);
    const parts = [['sign-in', async () => {}], ['refused', async () => {
      await fill(shown.page, methods['apple-oauth2'], 'not the password');
      await press(shown.page);
      await alertText(shown.page);
    }]];
    for (const [name, go] of parts) {
      await go();
      await t.test(`${name}: nothing needs scrolling sideways`, async () => {
        const [scroll, client] = await shown.page.evaluate(() =>
          [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(scroll <= client, `${scroll} px in ${client}`);
      });
      await t.test(`${name}: fields and buttons are 44 px high, for a finger`, async () => {
        for (const target of await shown.page.locator('input:not([type=hidden]), button').all()) {
          const box = await target.boundingBox();
          if (box) assert.ok(box.height >= 44, `${await target.getAttribute('type')}: ${box.height} px`);
        }
      });
      if (pictures) {
        fs.mkdirSync(pictures, { recursive: true });
        await shown.page.screenshot({ path: path.join(pictures, `${name}-${look.colorScheme}-${look.viewport.width}.png`), fullPage: true });
      }
    }
    await t.test('dark is dark, light is light', async () => {
      const rgb = await shown.page.evaluate(() => getComputedStyle(document.body).backgroundColor
        .replace('rgba(0, 0, 0, 0)', getComputedStyle(document.documentElement).backgroundColor));
      if (rgb === 'rgba(0, 0, 0, 0)') {
        // The browser's own canvas: dark only where the page says it can be.
        const can = await shown.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
        assert.match(can, new RegExp(look.colorScheme));
        return;
      }
      const [r, g, b] = rgb.match(/[\d.]+/g).map(Number);
      assert.equal(r + g + b < 384, look.colorScheme === 'dark', rgb);
    });
    await shown.context.close();
    await device.drop();

    await t.test('axe finds nothing, at first and after a refusal', async () => {
      const other = await server.device(methods['apple-oauth2']);
      const watched = await open(other.url, { ...look, bypassCSP: true });
      const check = async () => {
        await watched.page.addScriptTag({ content: axe });
        const found = await watched.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`), []);
      };
      await check();
      await fill(watched.page, methods['apple-oauth2'], 'not the password');
      await press(watched.page);
      await alertText(watched.page);
      await check();
      await watched.context.close();
      await other.drop();
    });
  });
}

test('an attempt that was never begun gets a page that says so, not a form', async () => {
  const device = await server.device(methods['apple-as-web']);
  const broken = new URL(device.url);
  broken.pathname = `${broken.pathname.slice(0, -6)}AAAAAA`;
  const { context, page, response } = await open(broken.href);
  assert.ok(response.status() >= 400 && response.status() < 500, `${response.status()}`);
  assert.equal(await page.locator('input[type=password]').count(), 0);
  assert.ok((await page.locator('body').innerText()).trim().length > 0, 'a sentence for the person');
  await context.close();
  await device.drop();
});

test('guessing is slowed down', async (t) => {	// the last one: it may slow down this address too
  const user = 'throttled@betterbag.com';
  const device = await server.device(user);
  const { context, page, seen, called } = await open(device.url);
  await fill(page, user, 'guess');
  await press(page);
  const first = await alertText(page);
  let told = first;
  for (let i = 0; i < 30 && told === first && await page.locator('input[type=password]').count(); i++) {
    await fill(page, user, `guess ${i}`);
    await Promise.all([page.waitForNavigation(), press(page)]);
    told = await alertText(page);
  }
  await t.test('after some guesses the page says to wait', () => assert.notEqual(told, first));
  if (pictures) await page.screenshot({ path: path.join(pictures, 'throttled.png'), fullPage: true });
  await t.test('and the right password waits, too', async () => {
    await page.goto(device.url);
    if (await page.locator('input[type=password]').count()) {
      await fill(page, user, password);
      await press(page);
      assert.equal(await called(3000), null);
    }
    assert.equal(seen.callback, null);
  });
  await context.close();
  await device.drop();
});
