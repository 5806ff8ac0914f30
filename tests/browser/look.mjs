// Chromium, and what is asked of every page in it: that axe finds nothing, and that nothing scrolls sideways.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { chromium } from 'playwright-core';

const pictures = process.env.POSTERN_SCREENSHOTS;

export const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const looks = [{ colorScheme: 'light', width: 320, height: 700 }, { colorScheme: 'dark', width: 1280, height: 900 }];
export const cross = [{ colorScheme: 'dark', width: 320, height: 700 }, { colorScheme: 'light', width: 1280, height: 900 }];
// What axe judges by how a page is drawn; the rest of its rules have seen both schemes and both widths by then.
export const drawn = ['color-contrast', 'target-size', 'link-in-text-block', 'scrollable-region-focusable'];

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// The page has axe already (page.evaluate(axe)).
export async function lookAt(page, name, language, look, only) {
  await page.setViewportSize({ width: look.width, height: look.height });
  await page.emulateMedia({ colorScheme: look.colorScheme });
  const found = await page.evaluate((options) => globalThis.axe.run(document, options),
    { resultTypes: ['violations'], ...(only && { runOnly: { type: 'rule', values: only } }) });
  const where = `${name}, ${language}, ${look.colorScheme}, ${look.width} px`;
  assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`), [], where);
  const [scroll, client] = await page.evaluate(() => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(scroll <= client, `${where}: ${scroll} px in ${client}`);
  if (pictures) {
    fs.mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: path.join(pictures, `${name}-${language}-${look.colorScheme}-${look.width}.png`), fullPage: true });
  }
}
