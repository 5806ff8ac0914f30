// A server for the browser to sign in at, and a device that waits for the browser's callback.

import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.resolve(top, process.env.POSTERN_BUILD ?? 'build');
const clients = path.resolve(top, process.env.POSTERN_CLIENTS ?? build);
const client = path.join(top, 'tests/independent/client.py');

export const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

export const listening = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

export class Server {
  // `env`: settings beside those of `init`, as POSTERN_<KEY>.
  static async start(env = {}) {
    const server = new Server();
    server.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-browser-'));
    server.data = path.join(server.folder, 'data');
    server.port = await freePort();
    server.url = `https://localhost:${server.port}`;
    await server.run(['init', '--data', server.data, '--org', 'Better Bag', '--domain', 'betterbag.com',
      '--url', server.url, '--lab']);
    server.log = fs.openSync(path.join(server.folder, 'log'), 'w');
    server.daemon = spawn(path.join(build, 'posternd'), ['--data', server.data, '--listen', `127.0.0.1:${server.port}`],
      { stdio: ['ignore', server.log, server.log], env: { ...process.env, ...env } });
    server.ended = new Promise((resolve) => server.daemon.on('exit', (code, signal) => resolve(code ?? signal)));
    const until = Date.now() + 20000;
    while (!(await listening(server.port))) {
      if (Date.now() > until || server.daemon.exitCode !== null) throw new Error(`posternd does not listen:\n${server.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return server;
  }

  output() {
    return fs.readFileSync(path.join(this.folder, 'log'), 'utf8');
  }

  // Run the administrator's command.
  run(args, input = '') {
    return new Promise((resolve, reject) => {
      const child = execFile(path.join(clients, 'postern'), args, { timeout: 120000 }, (error, stdout, stderr) =>
        (error ? reject(new Error(`postern ${args.join(' ')}: ${error.code} ${stderr}`)) : resolve(stdout)));
      child.stdin.on('error', () => {}); // it ended without reading: its status and its words say why
      child.stdin.end(input);
    });
  }

  admin(...args) {
    return this.run(['--data', this.data, ...args]);
  }

  addUser(user, password) {
    return this.run(['--data', this.data, 'user', 'add', user, '--password-stdin'], `${password}\n`);
  }

  // A device that has its challenge: `url` is what its web view opens, `finish` takes the callback's URL.
  async device(user) {
    const child = spawn('/usr/bin/python3', ['-B', client, 'begin', '--user', user, '--server', this.url,
      '--cacert', path.join(this.data, 'tls/ca.pem'), '--device-ca', path.join(this.folder, 'built-in'),
      '--state', fs.mkdtempSync(path.join(this.folder, 'device-'))], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {}); // likewise
    let wrong = '';
    child.stderr.on('data', (chunk) => { wrong += chunk; });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value: url } = await lines.next();
    if (!url) throw new Error(`no challenge: ${wrong}`);
    return {
      url,
      finish: async (callback) => {
        child.stdin.end(`${callback}\n`);
        const { value } = await lines.next();
        await ended;
        return value ?? wrong;
      },
      drop: async () => { child.stdin.end(); await ended; },
    };
  }

  async stop() {
    this.daemon.kill('SIGTERM');
    const how = await this.ended;
    fs.closeSync(this.log);
    const said = this.output();
    fs.rmSync(this.folder, { recursive: true, force: true });
    return { how, said };
  }
}
