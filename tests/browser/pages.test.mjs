// Every page in every language, in Chromium: what axe says, what is loaded, how large it is, which way it is read.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { axe, cross, drawn, launch, lookAt, looks } from './look.mjs';
import { Server } from './server.mjs';

const user = 'eliza@betterbag.com';
const password = 'correct horse battery staple';
// 160 x 48 pixels, made for this test.
const logo = 'iVBORw0KGgoAAAANSUhEUgAAAKAAAAAwAQMAAACsZ+MtAAAABlBMVEX///8AeFDZT3F0AAAAAXRSTlMAQObYZgAAAG1JREFUeNrtk7ENgDAMBIMoMgajMFoYjVEYIQMgDkxB818EhKiwu2v8ss8pfVfjZiBMwnpYBGaoAgdYdQ7opAK0wYNJpi7g7GFJXH1mj/QNMAesP3ywOrt5eyN7zRsyWJesddZPa7J13n/H67UDJH4Fl0Il4XkAAAAASUVORK5CYII=';
const languages = { en: /Sign in to/, de: /anmelden/, fr: /Se connecter/, es: /Iniciar sesión/, ja: /サインイン/, ar: /تسجيل الدخول/ };

let server;
let browser;
let device;

before(async () => {
  server = await Server.start();
  await server.addUser(user, password);
  const secret = path.join(server.folder, 'secret');
  const image = path.join(server.folder, 'logo.png');
  fs.writeFileSync(secret, 'a secret of the provider\n', { mode: 0o600 });
  fs.writeFileSync(image, Buffer.from(logo, 'base64'));
  await server.admin('idp', 'add', 'oidc', '--issuer', 'https://idp.example.com', '--client-id', 'postern', '--client-secret-file',
    secret, '--domain', 'betterbag.com', '--name', 'Okta', '--button');
  await server.admin('org', 'set', '--colour', '#fe0', '--logo', image);
  device = await server.device(user);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await device?.drop();
  const { how, said } = (await server?.stop()) ?? {};
  assert.equal(how, 0, `posternd ends cleanly on SIGTERM:\n${said}`);
});

const press = (page, name) => Promise.all([page.waitForNavigation(),
  page.locator(name ? `button[name=${name}]` : 'form button[type=submit]').first().click({ noWaitAfter: true })]);

// How one gets to each page, from the one before.
const pages = {
  password: (page) => page.goto(device.url),
  identifier: async (page) => {
    await page.evaluate(() => { document.forms[0].noValidate = true; document.querySelector('#username').value = ''; });
    await press(page);
    assert.equal(await page.locator('input[type=password]').count(), 0, 'the first step asks for the name alone');
  },
  next: async (page) => {
    await page.locator('#username').fill(user);
    await press(page);
    assert.equal(await page.locator('input[type=password]').count(), 1, 'the second one for the password');
    assert.equal(await page.locator('#username').inputValue(), user);
  },
  refused: async (page) => {
    await page.locator('#password').fill('not the password');
    await press(page);
    assert.equal(await page.locator('[role=alert]').count(), 1);
  },
  privacy: async (page) => {
    await Promise.all([page.waitForNavigation(), page.locator('a[href^="/privacy/"]').click({ noWaitAfter: true })]);
    assert.ok(await page.locator('.cannot li').count() > 3 && await page.locator('.can li').count() > 3);
  },
  back: async (page) => {
    await Promise.all([page.waitForNavigation(), page.locator('footer a').click({ noWaitAfter: true })]);
    assert.equal(await page.locator('input[type=password]').count(), 1, 'back at the form');
  },
  cancelled: (page) => press(page, 'cancel'),
  'privacy-mac': (page) => page.goto(`${server.url}/privacy/better-bag/adde/Mac`),
  'privacy-vision': (page) => page.goto(`${server.url}/privacy/better-bag/byod/RealityDevice`),
  damaged: (page) => page.goto(`${server.url}/signin/damaged`),
};
const once = ['next', 'back']; // looks like one before it

for (const [language, title] of Object.entries(languages)) {
  test(`every page in ${language}`, async (t) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true, locale: language === 'en' ? 'en-US' : language });
    const page = await context.newPage();
    const foreign = [];
    const answers = [];
    page.on('request', (request) => { if (!request.url().startsWith(`${server.url}/`)) foreign.push(request.url()); });
    page.on('response', (response) => answers.push(response));
    for (const [name, go] of Object.entries(pages)) {
      await t.test(`${name}: axe finds nothing, light and dark, narrow and wide; nothing scrolls sideways`, async () => {
        answers.length = 0;
        await go(page);
        if (once.includes(name)) return;
        const answer = answers.find((a) => /^text\/html/.test(a.headers()['content-type'] ?? ''));
        assert.equal(answer.headers()['content-language'], language);
        assert.match(answer.headers().vary ?? '', /Accept-Language/i);
        assert.equal(await page.locator('html').getAttribute('lang'), language);
        let octets = 0;
        for (const a of answers) if (a.status() < 300 || a.status() >= 400) octets += (await a.body()).length;
        assert.ok(octets < 40000, `${octets} octets with all that it loads`);
        await page.evaluate(axe);
        for (const look of looks) await lookAt(page, name, language, look);
        for (const look of cross) await lookAt(page, name, language, look, drawn);
      });
    }
    await t.test('it is in that language, read in its direction', async () => {
      await page.goto(device.url);
      assert.match(await page.title(), title);
      const at = async (selector) => (await page.locator(selector).first().boundingBox()).x;
      assert.equal(await at('.steps li:first-child') > await at('.steps li:last-child'), language === 'ar');
      assert.ok(await page.locator('img').evaluate((i) => i.complete && i.naturalWidth === 160), 'the logo is there');
    });
    await t.test('nothing was asked of another server', () => assert.deepEqual(foreign, []));
    await context.close();
  });
}

test('the code on the last page leads the help desk to the attempt', async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(device.url);
  await press(page, 'cancel');
  const code = await page.locator('.code strong').innerText();
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
  const shown = JSON.parse(await server.admin('attempt', 'show', code.toLowerCase(), '--json'));
  assert.equal(shown.user, user);
  assert.equal(shown.help_code, code);
  await context.close();
});

test('a way back to anywhere else is no way', async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  for (const back of ['https://example.com/', '//example.com/signin/x', 'javascript:alert(1)', '/admin', '']) {
    await page.goto(`${server.url}/privacy/better-bag/byod/iPhone?back=${encodeURIComponent(back)}`);
    assert.equal(await page.locator('a').count(), 0, back);
  }
  for (const wrong of ['nobody/byod/iPhone', 'better-bag/none/iPhone', 'better-bag/byod/Watch']) {
    assert.equal((await page.goto(`${server.url}/privacy/${wrong}`)).status(), 404);
  }
  await context.close();
});
