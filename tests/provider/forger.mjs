// A provider that lies. Whoever is sent here comes back at once, as the person of the login hint; the name before the
// '@' says how the ID token is forged ("good" is not). No session, no page, no password.
//   node forger.mjs CERTIFICATE KEY REDIRECT-URI       prints its port; plain HTTP where the first two are '-'
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [certificate, key, redirectUri] = process.argv.slice(2);
const b64 = (x) => Buffer.from(typeof x === 'string' ? x : JSON.stringify(x)).toString('base64url');
const rsa = () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const known = rsa();
const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = rsa();
const jwk = (pair, more) => ({ ...pair.publicKey.export({ format: 'jwk' }), use: 'sig', ...more });
const keySet = { keys: [jwk(known, { kid: 'known' }), jwk(ec, { kid: 'curve', alg: 'ES256' })] };

const algorithms = {
  RS256: (input, pair) => crypto.sign('sha256', input, pair.privateKey),
  RS512: (input, pair) => crypto.sign('sha512', input, pair.privateKey),
  PS256: (input, pair) => crypto.sign('sha256', input,
    { key: pair.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  ES256: (input, pair) => crypto.sign('sha256', input, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
  HS256: (input) => crypto.createHmac('sha256', known.publicKey.export({ type: 'spki', format: 'pem' })).update(input)
    .digest(),
  none: () => Buffer.alloc(0),
};

// How each differs from a good one: header, claims, the pair that signs, or the whole token.
const now = () => Math.floor(Date.now() / 1000);
const forgeries = {
  good: {},
  'good-ps256': { header: { alg: 'PS256' } },
  'good-es256': { header: { alg: 'ES256', kid: 'curve' }, pair: ec },
  'alg-none': { header: { alg: 'none' } },
  'alg-hs256': { header: { alg: 'HS256' } },
  'alg-rs512': { header: { alg: 'RS512' } },
  issuer: { claims: { iss: 'https://accounts.example.com' } },
  audience: { claims: { aud: 'somebody-else' } },
  audiences: { claims: { aud: ['postern', 'somebody-else'] } },
  azp: { claims: { azp: 'somebody-else' } },
  nonce: { claims: { nonce: 'another' } },
  'nonce-missing': { claims: { nonce: undefined } },
  expired: { claims: () => ({ exp: now() - 400, iat: now() - 500 }) },
  future: { claims: () => ({ iat: now() + 400, exp: now() + 800 }) },
  'not-yet': { claims: () => ({ nbf: now() + 400 }) },
  old: { claims: () => ({ iat: now() - 2000 }) },
  'subject-missing': { claims: { sub: undefined } },
  tenant: { claims: { hd: 'example.com' } },
  jku: { header: { jku: 'https://example.com/keys' }, pair: stranger },
  jwk: { header: { jwk: jwk(stranger) }, pair: stranger },
  x5c: { header: { x5c: ['MIIB'] }, pair: stranger },
  'kid-unknown': { header: { kid: 'unknown' } },
  'key-wrong': { pair: stranger },
  crit: { header: { crit: ['exp'] } },
  nested: { header: { cty: 'JWT' } },
  encrypted: { token: (t) => `${t}.AAAA.AAAA` },
  duplicate: { payload: (text) => text.replace('{', '{"sub":"somebody",') },
  oversized: { claims: { filler: 'x'.repeat(20000) } },
  'at-hash': { claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } },
  truncated: { token: (t) => t.slice(0, t.lastIndexOf('.')) },
  missing: { token: () => undefined },
  unverified: { claims: { email_verified: false } },
  elsewhere: { claims: { email: 'elsewhere@example.org' } },
  nobody: { claims: { email: 'nobody' } },
};

function mint(name, email, nonce, issuer) {
  const how = forgeries[name] ?? {};
  const claims = { iss: issuer, sub: `sub-${email}`, aud: 'postern', exp: now() + 300, iat: now(), nonce, email,
    email_verified: true, hd: email.split('@')[1], ...(typeof how.claims === 'function' ? how.claims() : how.claims) };
  const header = { alg: 'RS256', typ: 'JWT', kid: 'known', ...how.header };
  const text = how.payload ? how.payload(JSON.stringify(claims)) : JSON.stringify(claims);
  const input = `${b64(header)}.${b64(text)}`;
  const token = `${input}.${algorithms[header.alg](Buffer.from(input), how.pair ?? known).toString('base64url')}`;
  return how.token ? how.token(token) : token;
}

// A logout token, and how each forged one differs.
const logouts = {
  good: {},
  'alg-none': { header: { alg: 'none' } },
  'alg-hs256': { header: { alg: 'HS256' } },
  'key-wrong': { pair: stranger },
  jwk: { header: { jwk: jwk(stranger) }, pair: stranger },
  issuer: { claims: { iss: 'https://accounts.example.com' } },
  audience: { claims: { aud: 'somebody-else' } },
  nonce: { claims: { nonce: 'x' } },
  old: { claims: { iat: now() - 2000 } },
  'no-event': { claims: { events: {} } },
  'no-subject': { claims: { sub: undefined } },
};

function logout(name, sub, issuer) {
  const how = logouts[name];
  const header = { alg: 'RS256', typ: 'logout+jwt', kid: 'known', ...how.header };
  const input = `${b64(header)}.${b64({ iss: issuer, aud: 'postern', iat: now(), jti: crypto.randomUUID(), sub,
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, ...how.claims })}`;
  return `${input}.${algorithms[header.alg](Buffer.from(input), how.pair ?? known).toString('base64url')}`;
}

const json = (res, body, status = 200) => {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
};

let issuer;
async function serve(req, res) {
  const url = new URL(req.url, issuer);
  if (url.pathname === '/.well-known/openid-configuration') {
    json(res, { issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`, authorization_response_iss_parameter_supported: true });
  } else if (url.pathname === '/logout-token') {
    res.end(logout(url.searchParams.get('how'), url.searchParams.get('sub'), issuer));
  } else if (url.pathname === '/keys') {
    json(res, keySet);
  } else if (url.pathname === '/authorize') {
    const q = url.searchParams;
    const code = b64({ email: q.get('login_hint'), nonce: q.get('nonce') });
    res.writeHead(302, { location: `${redirectUri}?${new URLSearchParams({ code, state: q.get('state'), iss: issuer })}` });
    res.end();
  } else if (url.pathname === '/token') {
    const parts = [];
    for await (const part of req) parts.push(part);
    const form = new URLSearchParams(Buffer.concat(parts).toString());
    try {
      const { email, nonce } = JSON.parse(Buffer.from(form.get('code'), 'base64url'));
      json(res, { access_token: 'an access token', token_type: 'Bearer', expires_in: 60,
        id_token: mint(email.split('@')[0], email, nonce, issuer) });
    } catch {
      json(res, { error: 'invalid_grant' }, 400);
    }
  } else {
    res.writeHead(404).end();
  }
}

const plain = certificate === '-';
const server = plain ? http.createServer(serve)
  : https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, serve);
server.listen(0, '127.0.0.1', () => {
  issuer = `${plain ? 'http' : 'https'}://localhost:${server.address().port}`;
  console.log(server.address().port);
});
process.stdin.on('close', () => process.exit(0)).resume();
