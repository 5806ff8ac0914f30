// Identity providers on loopback: three of oidc-provider's, configured as what they are called after, over HTTPS.
//   node provider.mjs CERTIFICATE KEY PEOPLE CLIENT-SECRET REDIRECT-URI CLIENT-KEY...
// The client `postern` shows CLIENT-SECRET, `postern-key` signs with a CLIENT-KEY (private_key_jwt), whose kid is
// the file's name.
// PEOPLE is a JSON file, {"eliza": {"sub": "1", "email": "...", "password": "...", "groups": [], "disabled": false}},
// read at each question, so that it can be changed while they run. Prints {"generic": PORT, "google": PORT, "entra":
// PORT} on one line when they listen. Lines on standard input: "rotate" (new keys, which forgets sessions and tokens),
// "deaf" (accept and answer nothing), "broken" (answer 500), "stubborn" (takes the session that it has open, whatever it is
// asked to do), "well", "answer KIND" prints how often KIND was asked,
// "directory STATUS" has the directory of entra answer that (200: as it does), "directory huge" with far too much.
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import readline from 'node:readline';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// It stands for a service elsewhere, which would not share the processors of a test that has given way to others.
try {
  os.setPriority(os.constants.priority.PRIORITY_NORMAL);
} catch { /* only some may take back what they gave */ }

const here = path.dirname(fileURLToPath(import.meta.url));
const packages = createRequire(path.join(here, '../browser/package.json'));
const { default: Provider, errors } = await import(pathToFileURL(packages.resolve('oidc-provider')).href);

const [certificate, key, peopleFile, secret, redirectUri, ...clientKeyFiles] = process.argv.slice(2);
const TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';
const people = () => JSON.parse(fs.readFileSync(peopleFile, 'utf8'));
const bySubject = (sub) => Object.entries(people()).find(([, p]) => p.sub === sub);

// What each kind says of a person, in the words of the original.
const kinds = {
  generic: {
    path: '',
    claims: (name, p) => ({ email: p.email, email_verified: p.verified ?? true, name: p.name, groups: p.groups }),
  },
  google: {
    path: '',
    claims: (name, p) => ({ email: p.email, email_verified: p.verified ?? true, name: p.name,
      hd: p.email.split('@')[1] }),
  },
  entra: {
    path: `/${TENANT}/v2.0`,
    claims: (name, p) => ({ preferred_username: p.email, name: p.name, oid: `oid-${p.sub}`, tid: p.tenant ?? TENANT,
      groups: (p.groups ?? []).length > 200 ? undefined : p.groups,
      _claim_names: (p.groups ?? []).length > 200 ? { groups: 'src1' } : undefined }),
  },
};

const clientKeys = clientKeyFiles.map((file) => ({ use: 'sig', kid: path.basename(file),
  ...crypto.createPublicKey(fs.readFileSync(file)).export({ format: 'jwk' }) }));
const client = (more) => ({ redirect_uris: [redirectUri], grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'], ...more });

const newKeys = () => ({ keys: [
  { ...crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    kid: crypto.randomUUID(), use: 'sig', alg: 'RS256' }] });

function configuration(kind) {
  const all = ['sub', 'email', 'email_verified', 'name', 'hd', 'tid', 'oid', 'preferred_username', 'groups',
    '_claim_names'];
  return {
    clients: [client({ client_id: 'postern', client_secret: secret }),
      client({ client_id: 'postern-key', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: clientKeys } })],
    jwks: newKeys(),
    claims: { openid: all },
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', 'profile', 'email', 'User.Read'],
    cookies: { keys: [crypto.randomUUID()] },
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    pkce: { methods: ['S256'], required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    ttl: { Session: 3600, Grant: 3600, AccessToken: 600, IdToken: 600, RefreshToken: 3600, Interaction: 600 },
    interactions: { url: (ctx, interaction) => `${kinds[kind].path}/interaction/${interaction.uid}` },
    async findAccount(ctx, sub) {
      const found = bySubject(sub);
      if (!found || found[1].disabled) return undefined;
      return { accountId: sub, claims: async () => ({ sub, ...kinds[kind].claims(...found) }) };
    },
    // What the person was asked for is granted at once: their organization has agreed for them.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId,
        clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope('openid email profile offline_access User.Read');
      await grant.save();
      return grant;
    },
  };
}

const page = (title, body) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${title}</title></head><body><main><h1>${title}</h1>
${body}</main></body></html>`;

const read = async (req) => {
  const parts = [];
  for await (const part of req) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString());
};

// The login page of a provider: a form, and a person who types.
async function interact(provider, req, res) {
  const { params } = await provider.interactionDetails(req, res);
  if (req.method === 'POST') {
    const form = await read(req);
    if (form.get('cancel')) {
      await provider.interactionFinished(req, res, { error: 'access_denied' }, { mergeWithLastSubmission: false });
      return;
    }
    const entry = Object.values(people()).find((p) => p.email === form.get('username'));
    if (entry && !entry.disabled && entry.password === form.get('password')) {
      await provider.interactionFinished(req, res, { login: { accountId: entry.sub } },
        { mergeWithLastSubmission: false });
      return;
    }
  }
  const hint = (params.login_hint ?? '').replace(/[^\w.@+-]/g, '');
  res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  res.end(page('Sign in to your organization', `<form method="post">
<p><label>User name <input name="username" autocomplete="username" value="${hint}" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button type="submit">Sign in</button> <button type="submit" name="cancel" value="1" formnovalidate>Cancel</button></p>
</form>`));
}

// Microsoft Graph's POST /v1.0/me/getMemberObjects, with the access token of a sign-in.
let directory = '200';
async function answerDirectory(provider, req, res) {
  const parts = [];
  for await (const part of req) parts.push(part);
  const answer = (status, body) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(body));
  };
  const fault = (status, code) => answer(status, { error: { code, message: code } });
  const token = await provider.AccessToken.find((req.headers.authorization ?? '').replace(/^Bearer /, ''));
  if (!token) { fault(401, 'InvalidAuthenticationToken'); return; }
  if (!token.scopes.has('User.Read')) { fault(403, 'Authorization_RequestDenied'); return; }
  const body = JSON.parse(Buffer.concat(parts).toString());
  if (req.method !== 'POST' || body.securityEnabledOnly !== true) { fault(400, 'Request_BadRequest'); return; }
  if (directory === 'huge') { answer(200, { value: Array(40000).fill('0a21f0f2-5c5c-4a5f-9a5f-0a21f0f25c5c') }); return; }
  if (directory !== '200') { fault(Number(directory), 'UnknownError'); return; }
  answer(200, { '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#Collection(Edm.String)',
    value: bySubject(token.accountId)[1].groups });
}

let mood = 'well';
const asked = { generic: 0, google: 0, entra: 0 };
const made = {};

function make(kind, port) {
  const provider = new Provider(`https://localhost:${port}${kinds[kind].path}`, configuration(kind));
  provider.proxy = false;
  const handle = provider.callback();
  made[kind] = async (req, res) => {
    const prefix = kinds[kind].path;
    if (kind === 'entra' && req.url === '/v1.0/me/getMemberObjects') { await answerDirectory(provider, req, res); return; }
    if (!req.url.startsWith(prefix)) { res.writeHead(404).end(); return; }
    if (req.url.startsWith(`${prefix}/interaction/`)) {
      try {
        await interact(provider, req, res);
      } catch (error) {
        res.writeHead(400, { 'content-type': 'text/html' });
        res.end(page('Error', `<p>${error instanceof errors.SessionNotFound ? 'Start again.' : error.name}</p>`));
      }
      return;
    }
    if (mood === 'stubborn' && req.url.startsWith(`${prefix}/auth?`)) req.url = req.url.replace(/&(prompt|max_age)=[^&]*/g, '');
    req.originalUrl = req.url;
    req.url = req.url.slice(prefix.length) || '/';
    await handle(req, res);
  };
}

const ports = {};
for (const kind of Object.keys(kinds)) {
  const server = https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, (req, res) => {
    asked[kind] += 1;
    if (mood === 'deaf') return;
    if (mood === 'broken') { res.writeHead(500).end(); return; }
    made[kind](req, res);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports[kind] = server.address().port;
  make(kind, ports[kind]);
}
console.log(JSON.stringify(ports));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, kind] = line.split(' ');
  if (word === 'rotate') for (const each of Object.keys(kinds)) make(each, ports[each]);
  else if (word === 'directory') directory = kind;
  else if (word === 'answer') { console.log(JSON.stringify(asked[kind])); return; } else mood = word;
  console.log(JSON.stringify('done'));
}).on('close', () => process.exit(0));
