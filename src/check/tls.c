/* What TLS a server speaks, and what its certificate is worth, by the rules that Apple's systems go by: those of
 * OS 27 (protocol 15), and the requirements for certificates since iOS 13 and macOS 10.15. */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "check/walk.h"
#include "crypto/x509.h"

#define DAY 86400
#define SOON_DAYS 14
#define LIFE_DAYS 825
#define GOOD_SUITES \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-" \
	"GCM-SHA256"

static const char *
version_name(enum http_tls_version v)
{
	static const char *const names[] = { "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3" };

	return names[v - HTTP_TLS_1_0];
}

/* One handshake on a connection of its own. */
static void
shake(struct walk *w, const char *name, const struct walk_address *to, enum http_tls_version least,
    enum http_tls_version most, const char *suites, struct http_tls_seen *out)
{
	size_t n = strlen(name);
	struct http_tls_offer offer = {
		.name = arena_strndup(w->a, name, n - (n > 0 && name[n - 1] == '.')), /* SNI has no dot at its end */
		.least = least,
		.most = most,
		.suites = suites,
		.timeout_ms = w->plan->timeout_s * 1000,
		.ask = most == HTTP_TLS_1_3, /* the handshake that counts, of whatever it agreed to */
	};
	int fd = walk_dial(w, to);

	*out = (struct http_tls_seen){ .why = "no connection" };
	if (fd < 0)
		return;
	http_tls_probe_shake(w->probe, w->a, fd, &offer, out);
	close(fd);
}

/* ---- the certificate ---- */

static const char *
names_of(struct walk *w, const struct x509_quality *q)
{
	const char *out = "";
	int n = 0;

	for (; q->dns[n] != NULL && n < 5; n++)
		out = arena_printf(w->a, "%s%s%s", out, n > 0 ? ", " : "", q->dns[n]);
	return q->dns[n] != NULL ? arena_printf(w->a, "%s and more", out) : out;
}

static bool
is_strong(const struct x509_quality *q)
{
	return strcmp(q->key, "RSA") != 0 && strcmp(q->key, "RSA-PSS") != 0 ? q->key_bits >= 253 : q->key_bits >= 2048;
}

static bool
is_well_signed(const struct x509_quality *q)
{
	static const char *const good[] = { "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-384", "SHA3-512" };

	if (q->digest == NULL)
		return true; /* Ed25519 and the like */
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (strcasecmp(good[i], q->digest) == 0)
			return true;
	}
	return false;
}

/* Of each certificate on the way to the root: its time and strength. A root counts by being trusted, whatever signed it. */
static bool
judge_each(struct walk *w, const char *name, const struct http_tls_seen *t)
{
	bool good = true;

	for (int i = 0; i < t->n_chain; i++) {
		struct x509_info info;
		struct x509_quality q;
		bool root;

		if (x509_parse(w->a, t->chain[i], &info, &w->err) != RC_OK ||
		    x509_quality(w->a, t->chain[i], &q, &w->err) != RC_OK)
			continue;
		root = i > 0 && q.self_issued;
		if (info.not_after < w->plan->now) {
			walk_find(w, CAUSE_expired, name, "%s ended on %s", info.subject,
			    clock_rfc3339(w->a, info.not_after));
			good = false;
		}
		if (info.not_before > w->plan->now) {
			walk_find(w, CAUSE_not_yet, name, "%s begins on %s", info.subject,
			    clock_rfc3339(w->a, info.not_before));
			good = false;
		}
		if (!is_strong(&q)) {
			walk_find(
			    w, CAUSE_key_weak, name, "%s has a key of %s, %d bits", info.subject, q.key, q.key_bits);
			good = false;
		}
		if (!is_well_signed(&q) && !root) {
			walk_find(w, CAUSE_signature_weak, name, "%s is signed with %s", info.subject, q.digest);
			good = false;
		}
	}
	return good;
}

static bool
judge_own(struct walk *w, const char *name, const struct x509_info *info, const struct x509_quality *q)
{
	int64_t left = info->not_after - w->plan->now, life = info->not_after - info->not_before;
	bool good = true;

	if (q->dns[0] == NULL) {
		walk_find(w, CAUSE_no_san, name, "subject %s", info->subject);
		good = false;
	}
	if (life > LIFE_DAYS * (int64_t)DAY + 1) {
		walk_find(w, CAUSE_life_long, name, "made for %lld days", (long long)(life / DAY));
		good = false;
	}
	if (!q->for_servers) {
		walk_find(w, CAUSE_not_for_servers, name, "subject %s", info->subject);
		good = false;
	}
	if (left >= 0 && left < SOON_DAYS * (int64_t)DAY)
		walk_find(w, CAUSE_expires_soon, name, "it ends on %s", clock_rfc3339(w->a, info->not_after));
	return good;
}

/* Who vouches for it. Times were judged already, one by one. */
static bool
judge_trust(struct walk *w, const char *name, const struct http_tls_seen *t, const struct x509_info *info,
    const struct x509_quality *q)
{
	struct x509_quality last;
	unsigned doubts = t->doubts & ~(unsigned)(HTTP_TLS_EXPIRED | HTTP_TLS_NOT_YET);

	if (doubts & HTTP_TLS_WRONG_NAME && q->dns[0] != NULL)
		walk_find(w, CAUSE_wrong_name, name, "it is for %s", names_of(w, q));
	if (doubts & HTTP_TLS_SELF_SIGNED)
		walk_find(w, CAUSE_self_signed, name, "subject and issuer are %s", info->subject);
	else if (doubts & HTTP_TLS_UNKNOWN_ROOT)
		walk_find(w, CAUSE_untrusted, name, "issued by %s; its root is not trusted", info->issuer);
	else if (doubts & HTTP_TLS_NO_ISSUER && x509_quality(w->a, t->chain[t->n_chain - 1], &last, NULL) == RC_OK)
		/* A public CA's certificate says where the next one of the chain is; one of a private root has nothing to say. */
		walk_find(w, last.names_issuer ? CAUSE_chain_short : CAUSE_untrusted, name,
		    "%d sent, the first issued by %s, and the chain ends before a root", t->n_sent, info->issuer);
	else if (doubts & HTTP_TLS_OTHER && q->for_servers)
		walk_find(w, CAUSE_certificate_bad, name, "%s", t->doubt_text);
	return doubts == 0;
}

static bool
judge_certificate(struct walk *w, const char *name, const struct http_tls_seen *t)
{
	struct x509_info info;
	struct x509_quality q;
	bool good;

	if (t->n_chain == 0 || x509_parse(w->a, t->chain[0], &info, &w->err) != RC_OK ||
	    x509_quality(w->a, t->chain[0], &q, &w->err) != RC_OK) {
		walk_find(w, CAUSE_certificate_bad, name, "%s", t->n_chain == 0 ? "none was sent" : w->err.text);
		return false;
	}
	walk_note(w, CHECK_TLS, "%s: certificate for %s by %s until %s, %s %d bits, %s", name, names_of(w, &q),
	    info.issuer, clock_rfc3339(w->a, info.not_after), q.key, q.key_bits,
	    q.digest != NULL ? q.digest : "no digest");
	good = judge_trust(w, name, t, &info, &q);
	good = judge_own(w, name, &info, &q) && good;
	return judge_each(w, name, t) && good;
}

/* ---- versions and suites ---- */

/* What OS 27 offers was refused: what would the server have taken? */
static bool
what_else(struct walk *w, const char *name, const struct walk_address *to, struct http_tls_seen *t)
{
	const char *why = t->why;
	bool plain = t->no_tls;

	shake(w, name, to, HTTP_TLS_1_0, HTTP_TLS_1_3, NULL, t);
	if (!t->agreed)
		walk_find(w, plain || t->no_tls ? CAUSE_no_tls : CAUSE_tls_closed, name, "%s", why);
	else if (t->version < HTTP_TLS_1_2)
		walk_find(w, CAUSE_tls_old, name, "it agreed to %s, %s", version_name(t->version), t->suite);
	else
		walk_find(w, CAUSE_tls_weak, name, "it agreed to %s, %s", version_name(t->version), t->suite);
	return t->agreed;
}

static void
judge_versions(struct walk *w, const char *name, const struct walk_address *to, const struct http_tls_seen *t)
{
	struct http_tls_seen other;

	if (t->version == HTTP_TLS_1_2 && !t->extended_master_secret)
		walk_find(w, CAUSE_tls_no_ems, name, "TLS 1.2, %s, without Extended Master Secret", t->suite);
	if (t->version == HTTP_TLS_1_3) {
		shake(w, name, to, HTTP_TLS_1_2, HTTP_TLS_1_2, GOOD_SUITES, &other);
		if (other.agreed && !other.extended_master_secret)
			walk_find(
			    w, CAUSE_tls_ems_behind, name, "TLS 1.2, %s, without Extended Master Secret", other.suite);
	}
	shake(w, name, to, HTTP_TLS_1_0, HTTP_TLS_1_1, NULL, &other);
	if (other.agreed)
		walk_find(w, CAUSE_tls_old_offered, name, "it also agreed to %s", version_name(other.version));
}

bool
walk_tls(struct walk *w, struct walk_host *host, const struct walk_address *to)
{
	struct http_tls_seen t;

	walk_reach(w, CHECK_TLS);
	shake(w, host->name, to, HTTP_TLS_1_2, HTTP_TLS_1_3, GOOD_SUITES, &t);
	if (!t.agreed && !what_else(w, host->name, to, &t))
		return false;
	host->server = walk_server_named(t.server);
	walk_note(w, CHECK_TLS, "%s: %s, %s%s", host->name, version_name(t.version), t.suite,
	    t.extended_master_secret ? "" : ", no Extended Master Secret");
	if (t.version >= HTTP_TLS_1_2)
		judge_versions(w, host->name, to, &t);
	return judge_certificate(w, host->name, &t) && t.version >= HTTP_TLS_1_2;
}
