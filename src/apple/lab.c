#include "apple/lab.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define DAY INT64_C(86400)
#define YEAR (365 * DAY)

void
lab_paths(struct arena *a, const char *dir, struct lab *out)
{
	*out = (struct lab){ .ca = arena_printf(a, "%s/ca.pem", dir),
		.server = arena_printf(a, "%s/server.pem", dir),
		.server_key = arena_printf(a, "%s/server.key", dir),
		.push = arena_printf(a, "%s/push.pem", dir),
		.push_key = arena_printf(a, "%s/push.key", dir),
		.token = arena_printf(a, "%s/apps-and-books.token", dir) };
}

enum rc
lab_write(const char *path, struct bytes content, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t done = 0;
	ssize_t n = 1;

	if (fd < 0)
		return fail(e, errno == EEXIST ? RC_CONFLICT : RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	while (done < content.n && (n = write(fd, content.p + done, content.n - done)) > 0)
		done += (size_t)n;
	if (close(fd) != 0 || n < 0)
		return fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	return RC_OK;
}

struct pair {
	struct bytes certificate, key;
};

/* A key, and a certificate by `issuer`, or by itself where that is NULL; in files if `path` is said. */
static enum rc
issue(struct arena *a, const struct x509_template *t, const struct pair *issuer, const char *path, const char *key_path,
    struct pair *out, struct err *e)
{
	struct bytes spki;
	enum rc rc;

	if ((rc = x509_key_new(a, X509_P256, &out->key, e)) != RC_OK ||
	    (rc = x509_key_public(a, out->key, &spki, e)) != RC_OK ||
	    (rc = x509_issue(a, t, spki, issuer != NULL ? issuer->certificate : (struct bytes){ 0 },
		 issuer != NULL ? issuer->key : out->key, &out->certificate, e)) != RC_OK ||
	    (rc = lab_write(path, bytes_str(x509_pem(a, out->certificate)), e)) != RC_OK)
		return rc;
	return key_path != NULL ? lab_write(key_path, bytes_str(x509_key_pem(a, out->key)), e) : RC_OK;
}

/* As Apple writes topics: com.apple.mgmt.External. and a UUID in lower case. */
static const char *
new_topic(struct arena *a)
{
	char *uuid = crypto_uuid(a);

	for (char *p = uuid; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return arena_printf(a, "com.apple.mgmt.External.%s", uuid);
}

/* base64 of {token, expDate, orgName} (protocol 11), as it is downloaded from Apple. */
static struct bytes
new_token(struct arena *a, int64_t now)
{
	json_t *j = json_keep(a, json_pack("{s:s,s:s,s:s}", "token", crypto_token(a), "expDate",
				     clock_rfc3339(a, now + YEAR), "orgName", "Laboratory"));

	return bytes_str(base64_encode(a, json_text(a, j, 0)));
}

enum rc
lab_make(struct arena *a, const char *dir, int64_t now, struct lab *out, struct err *e)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "::1", NULL };
	const int64_t from = now - DAY, until = now + YEAR;
	struct x509_template ca = { .subject = { .cn = "Stand-in for Apple", .o = "Laboratory" },
		.not_before = from,
		.not_after = now + 10 * YEAR,
		.is_ca = true,
		.key_usage = X509_USE_CERT_SIGN | X509_USE_CRL_SIGN };
	struct x509_template server = { .subject = { .cn = "localhost" },
		.not_before = from,
		.not_after = until,
		.key_usage = X509_USE_SIGN,
		.ext_usage = X509_EXT_SERVER,
		.dns = names };
	struct x509_template push = {
		.not_before = from, .not_after = until, .key_usage = X509_USE_SIGN, .ext_usage = X509_EXT_CLIENT
	};
	struct pair root, made;
	enum rc rc;

	lab_paths(a, dir, out);
	out->topic = new_topic(a);
	push.subject = (struct x509_name){ .uid = out->topic,
		.cn = arena_printf(a, "APSP:%s", out->topic + strlen("com.apple.mgmt.External.")) };
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return fail(e, RC_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	/* The CA's key signs these two, and nobody needs it afterwards: it is not kept. */
	if ((rc = issue(a, &ca, NULL, out->ca, NULL, &root, e)) != RC_OK ||
	    (rc = issue(a, &server, &root, out->server, out->server_key, &made, e)) != RC_OK ||
	    (rc = issue(a, &push, &root, out->push, out->push_key, &made, e)) != RC_OK)
		return rc;
	return lab_write(out->token, new_token(a, now), e);
}

enum rc
lab_read(struct arena *a, const char *path, size_t most, struct bytes *out, struct err *e)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text;
	size_t n;

	if (f == NULL)
		return fail(e, RC_NOT_FOUND, "%s: %s", path, strerror(errno));
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size < most)
		most = (size_t)st.st_size;
	text = arena_alloc(a, most + 1);
	n = fread(text, 1, most + 1, f);
	fclose(f);
	if (n > most)
		return fail(e, RC_TOO_LARGE, "%s is over %zu octets", path, most);
	text[n] = '\0';
	*out = bytes_of(text, n);
	return RC_OK;
}
