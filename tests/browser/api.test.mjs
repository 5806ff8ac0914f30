// The OpenAPI document in the hands of a public generator: its types are made, a program is checked against them, and
// runs against the server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { Server, freePort, listening } from './server.mjs';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const module_ = (...parts) => path.join(here, 'node_modules', ...parts);
let server, folder, url;

before(async () => {
  const port = await freePort();
  process.env.POSTERN_ADMIN_LISTEN = `127.0.0.1:${port}`;
  server = await Server.start();
  delete process.env.POSTERN_ADMIN_LISTEN;
  const until = Date.now() + 20000;
  while (!(await listening(port)) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  url = `https://localhost:${port}`;
  folder = path.join(server.folder, 'client');
  fs.mkdirSync(folder);
  fs.symlinkSync(module_(), path.join(folder, 'node_modules'));
  fs.copyFileSync(path.join(here, 'api.client.mjs'), path.join(folder, 'client.mjs'));
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
  fs.writeFileSync(path.join(folder, 'openapi.json'), await server.admin('openapi'));
});

after(() => server?.stop());

test('openapi-typescript takes the document', async () => {
  await run(process.execPath, [module_('openapi-typescript/bin/cli.js'), 'openapi.json', '-o', 'api.d.ts'], { cwd: folder });
  assert.match(fs.readFileSync(path.join(folder, 'api.d.ts'), 'utf8'), /user_list/);
});

const check = () => run(process.execPath, [module_('typescript/bin/tsc'), '--noEmit', '--allowJs', '--checkJs', '--strict',
  '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext', '--moduleResolution', 'nodenext',
  'client.mjs'], { cwd: folder });

test('a program is right by the generated types', async () => {
  await check().catch((error) => assert.fail(error.stdout));
});

test('and one that names what is not there is wrong', async () => {
  const file = path.join(folder, 'client.mjs');
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, text.replace('status.data.version', 'status.data.virsion'));
  await assert.rejects(check(), (error) => error.stdout.includes("'virsion' does not exist"));
  fs.writeFileSync(file, text);
});

test('the program runs against the server', async () => {
  const { secret } = JSON.parse(await server.admin('--json', 'api-token', 'add', 'program', '--role', 'admin'));
  const program = `import { run } from ${JSON.stringify(pathToFileURL(path.join(folder, 'client.mjs')).href)};
    console.log((await run(${JSON.stringify(url)}, process.env.TOKEN)).join('\\n'));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder,
    env: { ...process.env, TOKEN: secret, NODE_EXTRA_CA_CERTS: path.join(server.data, 'tls/ca.pem') } });
  assert.deepEqual(stdout.trim().split('\n').slice(1), ['added nora@betterbag.com in staff', 'disabled true',
    'people nora@betterbag.com', 'explained refuse', 'refused 404 not found', 'removed nora@betterbag.com']);
});
