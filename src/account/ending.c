#include "account/ending.h"

#include <fcntl.h>
#include <unistd.h>

#include "account/organization.h"
#include "config/config.h"
#include "keys/keys.h"
#include "store/store.h"

#define FILE_MAX (256 * 1024)
#define DAYS_MAX 3650 /* of identities, in one listing */

struct search {
	int64_t until;
	void (*fn)(void *arg, const struct ending *e);
	void *arg;
};

static void
found(const struct search *s, const struct ending *e)
{
	if (e->at <= s->until)
		s->fn(s->arg, e);
}

static struct bytes
read_file(struct arena *a, const char *path)
{
	char *p = arena_alloc(a, FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, p, FILE_MAX) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 ? bytes_of(p, (size_t)n) : (struct bytes){ 0 };
}

bool
ending_tls(struct call *c, struct x509_info *info)
{
	const char *path = c->conf != NULL ? c->conf->tls_certificate : NULL;
	struct bytes text = path != NULL ? read_file(c->arena, path) : (struct bytes){ 0 }, *chain;
	struct err ignored;
	int n;

	return text.n > 0 && x509_from_pem(c->arena, text, &chain, &n, &ignored) == RC_OK && n > 0 &&
	       x509_parse(c->arena, chain[0], info, &ignored) == RC_OK;
}

static enum rc
of_keys(struct call *c, const char *organization_id, const struct search *s)
{
	static const struct {
		const char *kind, *what, *todo;
	} rows[] = {
		{ "push", "push certificate",
		    "renew it at Apple, with the same topic: postern org set --push-certificate FILE --push-key FILE" },
		{ "ca", "enrollment CA", "postern ca renew ca; devices keep the identities that they have" },
		{ "profile", "signer of enrollment profiles", "postern ca renew profile" },
		{ "maid", "certificate for GetToken",
		    "postern ca renew maid, then upload it to Apple School Manager or Apple Business Manager" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *key = arena_printf(c->arena, "%s-%s", rows[i].kind, organization_id);
		struct x509_info info;
		struct bytes *chain;
		struct err ignored;
		int n;

		if (keys_certificates(c->keys, c->arena, key, &chain, &n, &ignored) == RC_OK && n > 0 &&
		    x509_parse(c->arena, chain[0], &info, &ignored) == RC_OK)
			found(s, &(struct ending){
				     info.not_after, rows[i].kind, rows[i].what, organization_id, 1, rows[i].todo });
	}
	return RC_OK;
}

/* Tokens for services of Apple's. */
static enum rc
of_tokens(struct call *c, const char *organization_id, const struct search *s)
{
	static const struct {
		const char *sql, *kind, *what, *todo;
	} rows[] = {
		{ "SELECT expires_at FROM licence_service WHERE organization_id = ?1 AND expires_at <= ?2",
		    "licence-token", "token of Apps and Books",
		    "download a new one from Apple School Manager or Apple Business Manager, and set it again" },
		{ "SELECT expires_at FROM assignment_service WHERE organization_id = ?1 AND expires_at <= ?2",
		    "server-token", "server token of Apple",
		    "download a new one from Apple School Manager or Apple Business: postern apple setup --token-file "
		    "FILE" },
	};
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof rows / sizeof rows[0]; i++) {
		struct db_rows r;

		rc = store_run(c, rows[i].sql, DB_ARGS(db_text(organization_id), db_int(s->until)), &r);
		if (rc == RC_OK && r.rows > 0)
			found(s, &(struct ending){ db_get_int(&r, 0, 0), rows[i].kind, rows[i].what, organization_id, 1,
				     rows[i].todo });
	}
	return rc;
}

static enum rc
of_identities(struct call *c, const char *organization_id, const struct search *s)
{
	static const char sql[] =
	    "SELECT MIN(k.not_after), COUNT(*) FROM certificate k CROSS JOIN enrollment e" /* in this order: few end soon */
	    " WHERE e.id = k.enrollment_id AND e.certificate_fp = k.fingerprint"
	    " AND k.not_after <= ?2 AND k.revoked_at IS NULL AND e.organization_id = ?1 AND e.ended_at IS NULL"
	    " GROUP BY k.not_after / 86400 ORDER BY 1 LIMIT ?3";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id), db_int(s->until), db_int(DAYS_MAX)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		found(s,
		    &(struct ending){ db_get_int(&r, i, 0), "identities", "identity certificates", organization_id,
			db_get_int(&r, i, 1),
			"each is renewed when its device comes, from renew_before on: postern enrollment list --state "
			"inactive names those that don't come" });
	return rc;
}

enum rc
endings_of_identities(struct call *c, int64_t until, void (*fn)(void *arg, const struct ending *e), void *arg)
{
	const struct search s = { until, fn, arg };
	struct organization *all;
	enum rc rc;
	int n;

	rc = organization_list(c, &all, &n);
	for (int i = 0; rc == RC_OK && i < n; i++)
		rc = of_identities(c, all[i].id, &s);
	return rc;
}

enum rc
endings(struct call *c, int64_t until, void (*fn)(void *arg, const struct ending *e), void *arg)
{
	enum rc (*const parts[])(
	    struct call * c, const char *organization_id, const struct search *s) = { of_keys, of_tokens };
	const struct search s = { until, fn, arg };
	struct organization *all;
	struct x509_info tls;
	enum rc rc;
	int n;

	if ((rc = organization_list(c, &all, &n)) != RC_OK)
		return rc;
	if (ending_tls(c, &tls))
		found(&s, &(struct ending){ tls.not_after, "tls", "TLS certificate", NULL, 1,
			      "replace it and send posternd SIGHUP" });
	for (int i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof parts / sizeof parts[0] && rc == RC_OK; k++)
			rc = parts[k](c, all[i].id, &s);
	}
	return rc;
}
