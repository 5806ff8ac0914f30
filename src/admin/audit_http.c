#include "account/account.h"
#include "admin/routes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/audit.h"
#include "fmt/base64.h"

/* "2026-11-29", "2026-11-29T16:05:00Z", "7d" (so long ago), or Unix seconds. */
static enum rc
moment(struct admin_call *x, const char *name, int64_t *out)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d" };
	const char *text = admin_query(x, name), *ago, *end;

	*out = 0;
	if (text == NULL)
		return RC_OK;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm tm = { 0 };

		end = strptime(text, forms[i], &tm);
		if (end != NULL && *end == '\0') {
			*out = timegm(&tm);
			return RC_OK;
		}
	}
	ago = admin_seconds(x->c->arena, text);
	if (strspn(ago, "0123456789") != strlen(ago) || strlen(ago) > 15)
		return fail(&x->c->err, RC_BAD_INPUT,
		    "%s is a day (2026-11-29), a moment (2026-11-29T16:05:00Z), a time ago (7d) or Unix seconds, not "
		    "%.40s",
		    name, text);
	*out = ago == text ? strtoll(text, NULL, 10) : x->c->now - strtoll(ago, NULL, 10);
	return RC_OK;
}

json_t *
admin_audit_row(struct admin_call *x, const struct audit_row *w)
{
	struct arena *a = x->c->arena;
	json_t *j = json_object(), *detail = NULL;
	struct err ignored;

	admin_put_int(j, "seq", w->seq);
	admin_put_time(j, "at", w->at);
	admin_put_text(j, "actor", w->actor_name);
	admin_put_text(j, "way", w->way);
	admin_put_text(j, "action", w->action);
	admin_put_text(j, "object", w->object);
	admin_put_text(j, "person", w->person_name);
	admin_put_text(j, "outcome", w->outcome);
	admin_put_text(j, "organization", w->organization_id);
	admin_put(j, "begun", w->begun != 0 ? json_integer(w->begun) : json_null());
	admin_put_int(j, "again", w->again);
	if (w->text != NULL && json_parse(a, bytes_str(w->text), &detail, &ignored) == RC_OK)
		admin_put(j, "detail", json_incref(detail));
	else
		admin_put(j, "detail", json_null());
	/* What the chain is made of, beside what is above. */
	admin_put_text(j, "actor_id", w->actor);
	admin_put_text(j, "person_id", w->person);
	admin_put_text(j, "detail_digest", w->detail.p != NULL ? hex_encode(a, w->detail) : NULL);
	admin_put_text(j, "hash", hex_encode(a, w->hash));
	return j;
}

/* Unlike elsewhere, all is more than what the only organization has: what was done to the server is there, too. */
static enum rc
organization_of(struct admin_call *x, const char **id)
{
	*id = x->actor->organization_id;
	return *id != NULL || admin_query(x, "organization") != NULL ? admin_organization_filter(x, id) : RC_OK;
}

enum rc
admin_audit_list(struct admin_call *x)
{
	struct audit_filter f = { .actor = admin_query(x, "actor"), .object = admin_query(x, "object") };
	const char *user = admin_query(x, "user");
	json_t *items = admin_items(x);
	struct audit_row *rows;
	struct bytes hash;
	int64_t head;
	enum rc rc;
	int n;

	f.oldest = admin_query(x, "after") != NULL;
	f.person = user != NULL ? account_fold(x->c->arena, user) : NULL;
	if ((rc = admin_limit(x, &f.limit)) != RC_OK || (rc = moment(x, "since", &f.since)) != RC_OK ||
	    (rc = moment(x, "until", &f.until)) != RC_OK ||
	    (rc = admin_query_int(x, "before", 0, &f.before)) != RC_OK ||
	    (rc = admin_query_int(x, "after", 0, &f.after)) != RC_OK ||
	    (rc = admin_query_int(x, "cursor", f.oldest ? f.after : f.before, f.oldest ? &f.after : &f.before)) !=
		RC_OK ||
	    (rc = organization_of(x, &f.organization_id)) != RC_OK || (rc = audit_list(x->c, &f, &rows, &n)) != RC_OK ||
	    (rc = audit_head(x->c, &head, &hash)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, admin_audit_row(x, &rows[i]));
	if (n == f.limit)
		admin_put_text(x->out, "next", arena_printf(x->c->arena, "%lld", (long long)rows[n - 1].seq));
	admin_put_int(x->out, "head", head);
	return RC_OK;
}

/* "17:3f…": a head that was noted. */
static enum rc
noted(struct admin_call *x, const char *text, struct audit_verdict *v)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || colon == text || strspn(text, "0123456789") != (size_t)(colon - text) ||
	    colon - text > 15 || strspn(colon + 1, "0123456789abcdef") != 64 || strlen(colon + 1) != 64)
		return fail(&x->c->err, RC_BAD_INPUT,
		    "a head is a row's number, a colon and 64 hexadecimal digits, as postern audit verify prints it");
	return audit_verify_noted(x->c, strtoll(text, NULL, 10), colon + 1, v);
}

enum rc
admin_audit_verify(struct admin_call *x)
{
	struct audit_verdict v = { 0 };
	const char *head = admin_query(x, "head");
	struct bytes hash;
	int64_t from, seq;
	enum rc rc;

	if ((rc = admin_query_int(x, "from", 0, &from)) != RC_OK ||
	    (head != NULL && (rc = noted(x, head, &v)) != RC_OK))
		return rc;
	if (v.why == NULL && (rc = audit_verify(x->c, from, &v)) != RC_OK)
		return rc;
	if ((rc = audit_head(x->c, &seq, &hash)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_int(x->out, "rows", v.rows);
	admin_put_int(x->out, "last", v.last);
	admin_put(x->out, "next", v.from != 0 ? json_integer(v.from) : json_null());
	admin_put_flag(x->out, "sound", v.why == NULL);
	admin_put(x->out, "wrong", v.why != NULL && v.wrong != 0 ? json_integer(v.wrong) : json_null());
	admin_put_text(x->out, "why", v.why);
	admin_put_text(x->out, "head",
	    hash.p != NULL ? arena_printf(x->c->arena, "%lld:%s", (long long)seq, hex_encode(x->c->arena, hash))
			   : NULL);
	return RC_OK;
}
