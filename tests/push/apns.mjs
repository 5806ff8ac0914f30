// Apple's push service as far as its page describes it (protocol 13): HTTP/2, a client certificate, one answer for each
// token. What it does to a token is said on stdin, a JSON object a line; what it was sent is said on stdout.
//   apns.mjs FOLDER     with server.key, server.pem and ca.pem (of push certificates)
//   {"token": HEX, "answers": [[STATUS, {"reason": ...}], ...]}     for the next pushes to it, then 200 again
//   {"goaway": true}    after the streams that are open
//   {"cut": true}       every connection, at once
//   {"every": [[N, STATUS, BODY], ...]}     each Nth push of all
import fs from "node:fs";
import http2 from "node:http2";
import path from "node:path";
import readline from "node:readline";

const file = (name) => fs.readFileSync(path.join(process.argv[2], name));
const scripted = new Map();
const sessions = new Set();
let every = [];
let count = 0;
let quiet = false;

const server = http2.createSecureServer({
  key: file("server.key"), cert: file("server.pem"), ca: file("ca.pem"), requestCert: true, rejectUnauthorized: true,
  settings: { maxConcurrentStreams: 100 },
});
server.on("session", (session) => {
  sessions.add(session);
  if (!quiet) console.log(JSON.stringify({ connection: sessions.size, subject: session.socket.getPeerCertificate()?.subject }));
  session.on("close", () => sessions.delete(session));
  session.on("error", () => {});
});
server.on("stream", (stream, headers) => {
  const token = headers[":path"].replace("/3/device/", "");
  let body = "";
  stream.on("error", () => {});
  stream.setEncoding("utf8");
  stream.on("data", (part) => { body += part; });
  stream.on("end", () => {
    const [status, reason] = scripted.get(token)?.shift() ?? every.find(([n]) => ++count % n === 0)?.slice(1) ?? [200];
    if (!quiet || status === 200)
      console.log(quiet ? token : JSON.stringify({ token, method: headers[":method"], topic: headers["apns-topic"],
        type: headers["apns-push-type"], priority: headers["apns-priority"], expiration: headers["apns-expiration"],
        media: headers["content-type"], body, status }));
    if (stream.destroyed) return;
    stream.respond({ ":status": status, "apns-id": "5D1C9A0E-7F5A-4B0E-8A51-0B9F2A0C9F11" }, { endStream: !reason });
    if (reason) stream.end(JSON.stringify(reason));
  });
});
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const said = JSON.parse(line);
  if (said.token) scripted.set(said.token, said.answers);
  if (said.every) every = said.every;
  if (said.quiet) quiet = true;
  if (said.goaway) for (const s of sessions) s.close();
  if (said.cut) for (const s of sessions) s.destroy();
}).on("close", () => process.exit(0));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
