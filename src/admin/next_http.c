/* What ends within a time, and what to do about it before: nothing that breaks by the calendar is to come as a surprise. */
#include "admin/routes.h"

#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define DAY 86400
#define DAYS_MAX 3650

static void
add(json_t *items, int64_t at, const char *what, const char *organization_id, int64_t count, const char *todo)
{
	json_t *j = json_object();

	json_array_append_new(items, j);
	admin_put_time(j, "at", at);
	admin_put_text(j, "what", what);
	admin_put_text(j, "organization", organization_id);
	admin_put_int(j, "count", count);
	admin_put_text(j, "todo", todo);
}

static enum rc
add_keys(struct admin_call *x, const struct organization *o, int64_t until, json_t *items)
{
	static const struct {
		const char *prefix, *what, *todo;
	} rows[] = {
		{ "push", "push certificate",
		    "renew it at Apple, with the same topic: postern org set --push-certificate FILE --push-key FILE" },
		{ "ca", "enrollment CA", "postern ca renew ca; devices keep the identities that they have" },
		{ "profile", "signer of enrollment profiles", "postern ca renew profile" },
		{ "maid", "certificate for GetToken",
		    "postern ca renew maid, then upload it to Apple School Manager or Apple Business Manager" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *key = arena_printf(x->c->arena, "%s-%s", rows[i].prefix, o->id);
		struct x509_info info;
		struct bytes *chain;
		struct err ignored;
		int n;

		if (keys_certificates(x->room->keys, x->c->arena, key, &chain, &n, &ignored) == RC_OK && n > 0 &&
		    x509_parse(x->c->arena, chain[0], &info, &ignored) == RC_OK && info.not_after <= until)
			add(items, info.not_after, rows[i].what, o->id, 1, rows[i].todo);
	}
	return RC_OK;
}

/* Tokens for services of Apple's. */
static enum rc
add_tokens(struct admin_call *x, const struct organization *o, int64_t until, json_t *items)
{
	static const struct {
		const char *sql, *what, *todo;
	} rows[] = {
		{ "SELECT expires_at FROM licence_service WHERE organization_id = ?1 AND expires_at <= ?2",
		    "token of Apps and Books",
		    "download a new one from Apple School Manager or Apple Business Manager, and set it again" },
		{ "SELECT expires_at FROM assignment_service WHERE organization_id = ?1 AND expires_at <= ?2",
		    "server token of Apple",
		    "download a new one from Apple School Manager or Apple Business: postern apple setup --token-file "
		    "FILE" },
	};
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof rows / sizeof rows[0]; i++) {
		struct db_rows r;

		rc = store_run(x->c, rows[i].sql, DB_ARGS(db_text(o->id), db_int(until)), &r);
		if (rc == RC_OK && r.rows > 0)
			add(items, db_get_int(&r, 0, 0), rows[i].what, o->id, 1, rows[i].todo);
	}
	return rc;
}

static enum rc
add_identities(struct admin_call *x, const struct organization *o, int64_t until, json_t *items)
{
	static const char sql[] =
	    "SELECT MIN(k.not_after), COUNT(*) FROM enrollment e JOIN certificate k ON k.fingerprint = e.certificate_fp"
	    " WHERE e.organization_id = ?1 AND e.ended_at IS NULL AND k.not_after <= ?2"
	    " GROUP BY k.not_after / 86400 ORDER BY 1 LIMIT ?3";
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(o->id), db_int(until), db_int(DAYS_MAX)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		add(items, db_get_int(&r, i, 0), "identity certificates", o->id, db_get_int(&r, i, 1),
		    "each is renewed when its device comes, from renew_before on: postern enrollment list --state "
		    "inactive names those that don't come");
	return rc;
}

static int
by_time(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "at"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "at"));

	return (x > y) - (x < y);
}

static void
sort(struct arena *a, json_t *items)
{
	size_t n = json_array_size(items);
	json_t **copy = arena_array(a, n, sizeof *copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = json_incref(json_array_get(items, i));
	qsort(copy, n, sizeof *copy, by_time);
	json_array_clear(items);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, copy[i]);
}

/* -1: not a number of days. */
static int64_t
days_of(const char *text)
{
	char *end;
	long days = text != NULL ? strtol(text, &end, 10) : 90;

	if (text != NULL && (text[0] < '0' || text[0] > '9' || days > DAYS_MAX || strcmp(end, "d") != 0))
		return -1;
	return days;
}

enum rc
admin_status_next(struct admin_call *x)
{
	enum rc (*const parts[])(struct admin_call * x, const struct organization *o, int64_t until,
	    json_t *items) = { add_keys, add_tokens, add_identities };
	json_t *items = admin_items(x);
	struct organization *all;
	int64_t days = days_of(admin_query(x, "within")), until = x->c->now + days * DAY, tls;
	enum rc rc;
	int n;

	if (days < 0)
		return fail(&x->c->err, RC_BAD_INPUT, "how far to look is a number of days up to %d, as 90d", DAYS_MAX);
	if ((rc = organization_list(x->c, &all, &n)) != RC_OK)
		return rc;
	if ((tls = admin_tls_not_after(x)) != 0 && tls <= until)
		add(items, tls, "TLS certificate", NULL, 1, "replace it and send posternd SIGHUP");
	for (int i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof parts / sizeof parts[0] && rc == RC_OK; k++)
			rc = parts[k](x, &all[i], until, items);
	}
	sort(x->c->arena, items);
	return rc;
}
