/* Examples for a reverse proxy that terminates TLS, with the secret that makes its word count. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "backup/files.h"
#include "postern/init.h"

#define PEM_LINES 60 /* of 64 characters: more than any identity certificate of ours has */

/* nginx has the client's certificate as PEM only, and RFC 9440 wants its octets in base64 on one line:
 * the lines are captured one by one and put together. */
static void
nginx_map(struct buf *b)
{
	buf_str(b, "map $ssl_client_raw_cert $postern_client_cert {\n"
		   "    default \"\";\n"
		   "    \"~^-----BEGIN CERTIFICATE-----\\n");
	for (int i = 1; i <= PEM_LINES; i++)
		buf_printf(b, "(?:(?<pem%d>[A-Za-z0-9+/=]+)\\n)%s", i, i > 1 ? "?" : "");
	buf_str(b, "-----END CERTIFICATE-----\" \":");
	for (int i = 1; i <= PEM_LINES; i++)
		buf_printf(b, "${pem%d}", i);
	buf_str(b, ":\";\n}\n\n");
}

static enum rc
nginx(const struct init *in, const char *secret)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 256 * 1024);
	buf_printf(&b, "# nginx in front of posternd --listen-http 127.0.0.1:8080. Belongs into the http { } block.\n"
		       "# postern.conf: listen_http = 127.0.0.1:8080 and trusted_proxies = 127.0.0.1\n"
		       "# Holds a secret: keep it readable for root and nginx alone.\n\n");
	nginx_map(&b);
	buf_printf(&b,
	    "server {\n"
	    "    listen 443 ssl http2;\n"
	    "    server_name %s",
	    in->host);
	for (const char *const *d = in->domains; *d != NULL; d++)
		if (strcasecmp(*d, in->host) != 0)
			buf_printf(&b, " %s", *d);
	buf_printf(&b,
	    ";\n"
	    "    ssl_certificate %s/tls/server.pem;\n"
	    "    ssl_certificate_key %s/tls/server.key;\n"
	    "    ssl_protocols TLSv1.2 TLSv1.3;\n"
	    "    # Identity certificates are checked by posternd, by their fingerprint; only for\n"
	    "    # organizations with --identity-proof proxy.\n"
	    "    ssl_verify_client optional_no_ca;\n"
	    "    client_max_body_size 4m;\n\n"
	    "    location / {\n"
	    "        proxy_pass http://127.0.0.1:8080;\n"
	    "        proxy_http_version 1.1;\n"
	    "        proxy_set_header Connection \"\";\n"
	    "        proxy_set_header Host $host;\n"
	    "        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
	    "        proxy_set_header X-Forwarded-Proto $scheme;\n"
	    "        proxy_set_header Forwarded \"\";\n"
	    "        proxy_set_header Client-Cert $postern_client_cert;\n"
	    "        proxy_set_header Postern-Proxy-Secret \"%s\";\n"
	    "    }\n"
	    "}\n",
	    in->data, in->data, secret);
	rc = file_make(in->a, arena_printf(in->a, "%s/proxy", in->dir), "nginx.conf", buf_bytes(&b), in->e);
	buf_free(&b);
	return rc;
}

static enum rc
haproxy(const struct init *in, const char *secret)
{
	const char *text = arena_printf(in->a,
	    "# HAProxy in front of posternd --listen-http 127.0.0.1:8080.\n"
	    "# postern.conf: listen_http = 127.0.0.1:8080 and trusted_proxies = 127.0.0.1\n"
	    "# Holds a secret: keep it readable for root and haproxy alone.\n"
	    "# server-and-key.pem: cat %s/tls/server.pem %s/tls/server.key\n\n"
	    "defaults\n"
	    "    mode http\n"
	    "    timeout connect 5s\n"
	    "    timeout client 60s\n"
	    "    timeout server 60s\n\n"
	    "frontend postern\n"
	    "    # Identity certificates are checked by posternd, by their fingerprint; only for\n"
	    "    # organizations with --identity-proof proxy.\n"
	    "    bind :443 ssl crt server-and-key.pem ssl-min-ver TLSv1.2 alpn h2,http/1.1 verify optional ca-file "
	    "%s/tls/ca.pem"
	    " crt-ignore-err all ca-ignore-err all\n"
	    "    http-request del-header Client-Cert\n"
	    "    http-request del-header Forwarded\n"
	    "    http-request set-header Client-Cert :%%[ssl_c_der,base64]: if { ssl_c_used }\n"
	    "    http-request set-header X-Forwarded-Proto https\n"
	    "    http-request set-header Postern-Proxy-Secret \"%s\"\n"
	    "    option forwardfor\n"
	    "    default_backend posternd\n\n"
	    "backend posternd\n"
	    "    server posternd 127.0.0.1:8080\n",
	    in->data, in->data, in->data, secret);

	return file_make(in->a, arena_printf(in->a, "%s/proxy", in->dir), "haproxy.cfg", bytes_str(text), in->e);
}

enum rc
init_proxy(const struct init *in)
{
	const char *secret = crypto_token(in->a), *dir = arena_printf(in->a, "%s/proxy", in->dir);
	enum rc rc;

	if (mkdir(dir, 0700) != 0)
		return fail(in->e, RC_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	rc = file_make(in->a, in->dir, "proxy-secret", bytes_str(arena_printf(in->a, "%s\n", secret)), in->e);
	if (rc == RC_OK && (rc = nginx(in, secret)) == RC_OK)
		rc = haproxy(in, secret);
	return rc;
}
