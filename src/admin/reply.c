#include "admin/reply.h"

#include <stdlib.h>
#include <string.h>

#include "admin/once.h"
#include "administrator/session.h"
#include "base/log.h"
#include "http/reply.h"
#include "http/trace.h"
#include "store/store.h"

#define JSON "application/json"
#define PROBLEM "application/problem+json" /* RFC 9457 */

/* ---- fields of a body ---- */

struct field {
	char name[64];
	char type;
	bool required;
};

/* The next word of a row's field list; false at its end. */
static bool
next_field(const char **list, struct field *f)
{
	size_t n;

	while (**list == ' ')
		(*list)++;
	if (**list == '\0')
		return false;
	*f = (struct field){ .type = 's', .required = **list == '!' };
	if (f->required)
		(*list)++;
	n = strcspn(*list, " :");
	memcpy(f->name, *list, n < sizeof f->name ? n : sizeof f->name - 1);
	*list += n;
	if (**list == ':') {
		f->type = (*list)[1];
		*list += 2;
	}
	return true;
}

static bool
is_texts(const json_t *v)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return false;
	json_array_foreach(v, i, item)
	{
		if (!json_is_string(item) || json_string_length(item) == 0)
			return false;
	}
	return true;
}

static const char *
wants(const json_t *v, char type) /* NULL: v is of that type */
{
	switch (type) {
	case 'e':
		return json_is_string(v) ? NULL : "a text";
	case 'i':
		return json_is_integer(v) ? NULL : "a whole number";
	case 'b':
		return json_is_boolean(v) ? NULL : "true or false";
	case 'a':
		return is_texts(v) ? NULL : "an array of texts";
	case 'o':
		return json_is_object(v) ? NULL : "an object";
	default:
		return json_is_string(v) && json_string_length(v) > 0 ? NULL : "a text that is not empty";
	}
}

static bool
listed(const char *list, const char *name)
{
	struct field f;

	while (next_field(&list, &f)) {
		if (strcmp(f.name, name) == 0)
			return true;
	}
	return false;
}

static enum rc
check_fields(struct admin_call *x, const char *fields)
{
	struct err *e = &x->c->err;
	const char *list = fields, *name;
	json_t *body = (json_t *)x->body; /* the library's iterator is not const; nothing is changed */
	struct field f;
	json_t *v;

	while (next_field(&list, &f)) {
		const char *want;

		v = json_object_get(body, f.name);
		if (v == NULL || json_is_null(v)) {
			if (f.required)
				return fail(e, RC_BAD_INPUT, "%s is missing", f.name);
			continue;
		}
		if ((want = wants(v, f.type)) != NULL)
			return fail(e, RC_BAD_INPUT, "%s must be %s", f.name, want);
	}
	json_object_foreach(body, name, v)
	{
		if (!listed(fields, name))
			return fail(e, RC_BAD_INPUT, "there is no field %.60s here", name);
	}
	return RC_OK;
}

static enum rc
read_body(struct admin_call *x, const char *fields)
{
	struct call *c = x->c;
	json_t *body = NULL;
	enum rc rc;

	if (x->r->body.n == 0) {
		body = json_keep(c->arena, json_object());
	} else {
		if ((rc = json_parse(c->arena, x->r->body, &body, &c->err)) != RC_OK)
			return rc;
		if (!json_is_object(body))
			return fail(&c->err, RC_BAD_INPUT, "the body must be a JSON object");
	}
	x->body = body;
	return check_fields(x, fields);
}

/* ---- the answer ---- */

/* RFC 9457 */
static void
put_problem(struct admin_call *x, enum rc rc, int status)
{
	const char *sentence = x->c->err.text[0] != '\0' ? x->c->err.text : rc_name(rc);

	x->out = admin_object(x);
	admin_put_text(x->out, "type", "about:blank"); /* the status says what kind it is */
	admin_put_text(x->out, "title", http_status_reason(status));
	admin_put_int(x->out, "status", status);
	admin_put_text(x->out, "detail", sentence);
	admin_put_text(x->out, "code", x->code != NULL ? x->code : rc_name(rc));
}

static void
answer(struct admin_call *x, enum rc rc, struct http_reply *out)
{
	struct call *c = x->c;
	int status = rc == RC_OK || x->status >= 400 ? x->status : http_status(rc);

	if (rc != RC_OK)
		put_problem(x, rc, status);
	http_set(out, "Cache-Control", "no-store");
	if (status == 401) /* RFC 9110 11.6.1, RFC 6750 3 */
		http_set(out, "WWW-Authenticate",
		    http_header(x->r, "Authorization") != NULL ? "Bearer error=\"invalid_token\"" : "Bearer");
	http_answer(out, status, rc == RC_OK ? JSON : PROBLEM,
	    json_text(c->arena, x->out != NULL ? x->out : admin_object(x), 0));
}

/* What the first request with its key was answered. */
static void
answer_again(const struct admin_call *x, const struct admin_once *once, struct http_reply *out)
{
	log_info("admin request", "by", x->actor->name, "method", x->r->method, "path", x->r->path, "result",
	    "answered as before");
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Idempotency-Replayed", "true");
	http_answer(out, once->row.status, once->row.status < 400 ? JSON : PROBLEM, once->row.answer);
}

/* Passwords and keys came in the body, and the library's tree is not in the arena that is wiped. */
static void
wipe_body(const struct admin_call *x)
{
	json_t *body = (json_t *)x->body, *v; /* NULL: it was not read */
	const char *name;

	json_object_foreach(body, name, v)
	{
		if (json_is_string(v))
			explicit_bzero((char *)(uintptr_t)json_string_value(v), json_string_length(v));
	}
}

/* Changes are logged with who made them; what was only looked at is not. */
static void
note(const struct admin_call *x, enum rc rc)
{
	if (rc == RC_INTERNAL || rc == RC_UNAVAILABLE)
		log_error("admin request failed", "by", x->actor->name, "method", x->r->method, "path", x->r->path,
		    "trace", http_trace_id(x->c), "error", x->c->err.text);
	else if (rc != RC_UNAUTHENTICATED && strcmp(x->r->method, "GET") != 0 && strcmp(x->r->method, "HEAD") != 0)
		log_info("admin request", "by", x->actor->name, "method", x->r->method, "path", x->r->path, "result",
		    rc == RC_OK ? "done" : rc_name(rc), "trace", http_trace_id(x->c));
}

enum rc
admin_proven(struct admin_call *x)
{
	if (actor_is_proven(x->actor, x->c->now))
		return RC_OK;
	x->code = "not proven";
	return fail(&x->c->err, RC_FORBIDDEN,
	    "this can't be undone, or gives power: prove who you are at /console/sign-in/prove, then do it again");
}

static enum rc
check_role(struct admin_call *x, const struct admin_route *row)
{
	if ((row->roles & x->actor->role) == 0)
		return fail(&x->c->err, RC_FORBIDDEN, "%s has the role %s, which may not do this", x->actor->name,
		    actor_role_name(x->actor->role));
	if ((row->roles & ADMIN_WHOLE) != 0 && x->actor->organization_id != NULL)
		return fail(&x->c->err, RC_FORBIDDEN, "%s is of one organization, and this concerns the whole server",
		    x->actor->name);
	return row->what == ADMIN_GRAVE ? admin_proven(x) : RC_OK;
}

void
admin_serve(
    struct call *c, const struct http_request *r, struct http_reply *out, void *room, const struct admin_route *row)
{
	struct actor actor = { .name = "nobody" };
	struct admin_once once = { .claimed = false };
	struct admin_call x = { .c = c, .r = r, .room = room, .actor = &actor, .status = 200 };
	const char *tag;
	enum rc rc;

	if ((rc = admin_actor(c, r, &actor)) == RC_OK) {
		if ((rc = check_role(&x, row)) == RC_OK && (rc = read_body(&x, row->fields)) == RC_OK &&
		    (rc = admin_owner_check(&x, row)) == RC_OK && (rc = admin_condition_check(&x, row)) == RC_OK)
			rc = admin_once_begin(&x, &once);
		if (once.answered) {
			answer_again(&x, &once, out);
			wipe_body(&x);
			return;
		}
		rc = admin_recorded(&x, row, rc);
	}
	note(&x, rc);
	if (rc == RC_OK && (tag = admin_condition_tag(&x, row)) != NULL)
		http_set(out, "ETag", tag);
	if (rc == RC_OK)
		rc = admin_cut(&x, row);
	answer(&x, rc, out);
	admin_once_end(&x, &once, out);
	wipe_body(&x);
}

/* ---- reading ---- */

const char *
admin_text(const struct admin_call *x, const char *name)
{
	return json_get_text(x->body, name);
}

int64_t
admin_int(const struct admin_call *x, const char *name, int64_t otherwise)
{
	return json_get_int(x->body, name, otherwise);
}

bool
admin_flag(const struct admin_call *x, const char *name, bool otherwise)
{
	const json_t *v = json_object_get(x->body, name);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool
admin_has(const struct admin_call *x, const char *name)
{
	const json_t *v = json_object_get(x->body, name);

	return v != NULL && !json_is_null(v);
}

const char *const *
admin_list(const struct admin_call *x, const char *name, int *n)
{
	const json_t *v = json_object_get(x->body, name);
	const char **texts = arena_array(x->c->arena, json_array_size(v) + 1, sizeof *texts);

	*n = (int)json_array_size(v);
	for (int i = 0; i < *n; i++)
		texts[i] = json_string_value(json_array_get(v, (size_t)i));
	return texts;
}

const char *
admin_query(const struct admin_call *x, const char *name)
{
	const char *v = http_query(x->c, x->r, name, false);

	return v != NULL && *v != '\0' ? v : NULL;
}

enum rc
admin_query_int(struct admin_call *x, const char *name, int64_t otherwise, int64_t *out)
{
	const char *v = admin_query(x, name);
	size_t n = v != NULL ? strlen(v) : 0;

	*out = otherwise;
	if (v == NULL)
		return RC_OK;
	if (n > 18 || strspn(v, "0123456789") != n)
		return fail(&x->c->err, RC_BAD_INPUT, "%s must be a number, not %.40s", name, v);
	*out = strtoll(v, NULL, 10);
	return RC_OK;
}

/* ---- what requests name ---- */

/* By id, or by the name that the id was made from: people type what they gave to init. */
static enum rc
named_organization(struct admin_call *x, const char *id, struct organization *out)
{
	enum rc rc = organization_get(x->c, id, out);
	struct err why = x->c->err;

	if (rc == RC_NOT_FOUND) {
		rc = organization_get(x->c, organization_slug(x->c->arena, id), out);
		if (rc == RC_OK && strcmp(out->name, id) != 0)
			rc = RC_NOT_FOUND;
		if (rc == RC_NOT_FOUND)
			x->c->err = why;
	}
	if (rc == RC_OK && !admin_reaches(x, out->id))
		return fail(&x->c->err, RC_NOT_FOUND, "there is no organization %.60s", id);
	return rc;
}

enum rc
admin_organization(struct admin_call *x, const char *id, struct organization *out)
{
	struct organization *all;
	enum rc rc;
	int n;

	if (id != NULL && strcmp(id, "_") != 0)
		return named_organization(x, id, out);
	if (x->actor->organization_id != NULL)
		return organization_get(x->c, x->actor->organization_id, out);
	if ((rc = organization_list(x->c, &all, &n)) != RC_OK)
		return rc;
	if (n == 0)
		return fail(&x->c->err, RC_NOT_FOUND, "there is no organization yet: postern org add NAME");
	if (n > 1)
		return fail(
		    &x->c->err, RC_BAD_INPUT, "there are %d organizations: say which with --org (postern org list)", n);
	*out = all[0];
	return RC_OK;
}

enum rc
admin_organization_filter(struct admin_call *x, const char **id)
{
	struct organization o;
	enum rc rc;

	*id = admin_text(x, "organization") != NULL ? admin_text(x, "organization") : admin_query(x, "organization");
	if (*id == NULL) {
		*id = x->actor->organization_id;
		return RC_OK;
	}
	if ((rc = named_organization(x, *id, &o)) == RC_OK)
		*id = o.id;
	return rc;
}

enum rc
admin_organization_owner(struct admin_call *x, const char **id)
{
	struct organization *all;
	enum rc rc = admin_organization_filter(x, id);
	int n;

	if (rc == RC_OK && *id == NULL && (rc = organization_list(x->c, &all, &n)) == RC_OK && n == 1)
		*id = all[0].id;
	return rc;
}

enum rc
admin_enrollment(struct admin_call *x, const char *id, struct enrollment *out)
{
	static const char sql[] = "SELECT id FROM enrollment WHERE id >= ?1 AND id < ?2"
				  " AND organization_id = COALESCE(?3, organization_id) ORDER BY id LIMIT 2";
	struct call *c = x->c;
	struct db_rows r;
	enum rc rc;

	/* Ids are ASCII, so every id that begins with `id` sorts below it with a '~' added. They are
	 * written in upper case; people paste either. */
	for (int upper = 0; upper < 2; upper++) {
		char *from = arena_strdup(c->arena, id);

		for (char *p = from; upper && *p != '\0'; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		rc = store_run(c, sql,
		    DB_ARGS(db_text(from), db_text(arena_printf(c->arena, "%s~", from)),
			db_text(x->actor->organization_id)),
		    &r);
		if (rc != RC_OK)
			return rc;
		if (r.rows == 1 || (r.rows > 1 && strcmp(db_get_text(&r, 0, 0), from) == 0))
			return enrollment_get(c, db_get_text(&r, 0, 0), out);
		if (r.rows > 1)
			return fail(
			    &c->err, RC_BAD_INPUT, "several enrollments begin with %.60s: write more of it", id);
	}
	return fail(&c->err, RC_NOT_FOUND, "there is no enrollment %.60s (postern enrollment list)", id);
}

/* ---- building ---- */

void
admin_put_text(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, value != NULL ? json_string(value) : json_null());
}

void
admin_put_int(json_t *o, const char *key, int64_t value)
{
	json_object_set_new(o, key, json_integer(value));
}

void
admin_put_flag(json_t *o, const char *key, bool value)
{
	json_object_set_new(o, key, json_boolean(value));
}

void
admin_put_time(json_t *o, const char *key, int64_t value)
{
	json_object_set_new(o, key, value != 0 ? json_integer(value) : json_null());
}

void
admin_put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

json_t *
admin_object(struct admin_call *x)
{
	return json_keep(x->c->arena, json_object());
}

json_t *
admin_items(struct admin_call *x)
{
	json_t *items = json_array();

	x->out = admin_object(x);
	json_object_set_new(x->out, "items", items);
	return items;
}

const char *
admin_seconds(struct arena *a, const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 10 || text[n] == '\0' || text[n + 1] != '\0')
		return text;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		int64_t value = 0;

		if (units[i].unit != text[n])
			continue;
		for (size_t k = 0; k < n; k++)
			value = value * 10 + (text[k] - '0');
		return arena_printf(a, "%lld", (long long)value * units[i].seconds);
	}
	return text;
}
