/* A development CA and a server certificate, so that a server runs at once. Real devices want one from a
 * public CA: docs/quickstart.md. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/x509.h"
#include "backup/files.h"
#include "postern/init.h"

#define DAY 86400
#define CA_DAYS 3650
#define SERVER_DAYS 820 /* Apple's systems take no server certificate for more than 825 days */
#define NAMES_MAX 100

static enum rc
make_ca(const struct init *in, const char *dir, struct bytes *key, struct bytes *certificate)
{
	struct x509_template t = {
		.subject = { .cn = arena_printf(in->a, "%.40s development CA", in->host), .o = "postern" },
		.not_before = in->now - 3600,
		.not_after = in->now + CA_DAYS * (int64_t)DAY,
		.is_ca = true,
		.key_usage = X509_USE_CERT_SIGN | X509_USE_CRL_SIGN,
	};
	struct bytes spki;
	enum rc rc;

	if ((rc = x509_key_new(in->a, X509_P256, key, in->e)) != RC_OK ||
	    (rc = x509_key_public(in->a, *key, &spki, in->e)) != RC_OK ||
	    (rc = x509_issue(in->a, &t, spki, (struct bytes){ 0 }, *key, certificate, in->e)) != RC_OK ||
	    (rc = file_make(in->a, dir, "ca.key", bytes_str(x509_key_pem(in->a, *key)), in->e)) != RC_OK)
		return rc;
	return file_make(in->a, dir, "ca.pem", bytes_str(x509_pem(in->a, *certificate)), in->e);
}

/* Each once: the host is often one of the domains. */
static const char *const *
names(const struct init *in)
{
	static const char *const local[] = { "localhost", "127.0.0.1", "::1", NULL };
	const char **out = arena_array(in->a, NAMES_MAX + 5, sizeof *out);
	const char *const host[] = { in->host, NULL };
	const char *const *const lists[] = { host, in->domains, local };
	size_t n = 0;

	for (size_t l = 0; l < 3; l++) {
		for (const char *const *name = lists[l]; *name != NULL && n < NAMES_MAX + 4; name++) {
			size_t i = 0;

			while (i < n && strcasecmp(out[i], *name) != 0)
				i++;
			if (i == n)
				out[n++] = *name;
		}
	}
	return out;
}

enum rc
init_tls(const struct init *in)
{
	const char *dir = arena_printf(in->a, "%s/tls", in->dir);
	struct x509_template t = {
		.subject = { .cn = strlen(in->host) <= 64 ? in->host : "postern" },
		.not_before = in->now - 3600,
		.not_after = in->now + SERVER_DAYS * (int64_t)DAY,
		.key_usage = X509_USE_SIGN,
		.ext_usage = X509_EXT_SERVER,
		.dns = names(in),
	};
	struct bytes ca_key, ca, key, spki, certificate;
	const char *chain;
	enum rc rc;

	if (mkdir(dir, 0700) != 0)
		return fail(in->e, RC_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	if ((rc = make_ca(in, dir, &ca_key, &ca)) != RC_OK ||
	    (rc = x509_key_new(in->a, X509_P256, &key, in->e)) != RC_OK ||
	    (rc = x509_key_public(in->a, key, &spki, in->e)) != RC_OK ||
	    (rc = x509_issue(in->a, &t, spki, ca, ca_key, &certificate, in->e)) != RC_OK)
		return rc;
	chain = arena_printf(in->a, "%s%s", x509_pem(in->a, certificate), x509_pem(in->a, ca));
	if ((rc = file_make(in->a, dir, "server.key", bytes_str(x509_key_pem(in->a, key)), in->e)) == RC_OK)
		rc = file_make(in->a, dir, "server.pem", bytes_str(chain), in->e);
	return rc;
}
