/* Changes that are meant for what their sender has seen: ETag and If-Match (RFC 9110 8.8.3, 13.1.1).
 *
 * The tag of a resource is a digest of what its GET answers, without what changes by itself while nobody edits it. A
 * change is compared with the nearest resource at or above its path that can be read: a rule with the list of rules,
 * whose order counts; a logo with its organization. It is compared twice: before anything is begun, and in the unit of
 * work that makes the change, so that of those who saw the same one is first, and the others learn of it. */
#include <string.h>

#include "admin/routes.h"
#include "crypto/hash.h"
#include "fmt/base64.h"

static bool
changes(const char *method)
{
	return strcmp(method, "PATCH") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0;
}

/* The row that reads what a path is, or is a part of; NULL: none does. What is read from another server is nobody's to
 * hold: what is compared then is this server's own of it. */
static const struct admin_route *
reader_of(const char *path)
{
	const struct admin_route *row = NULL;

	for (size_t n = strlen(path); n > 1 && row == NULL; n--) {
		if (path[n] == '\0' || path[n] == '/')
			row = admin_reader(path, n);
		if (row != NULL && admin_routes[row - admin_rows].class == HTTP_OUTWARD)
			row = NULL;
	}
	return row;
}

bool
admin_condition_applies(const struct admin_route *row)
{
	const bool reads = strcmp(row->method, "GET") == 0;

	if (!reads)
		return changes(row->method) && reader_of(row->path) != NULL;
	for (const struct admin_route *other = admin_rows; other->path != NULL; other++) {
		if (changes(other->method) && reader_of(other->path) == row)
			return true;
	}
	return false;
}

/* What is different from one look to the next although nobody edited it. */
static void
settle(json_t *v)
{
	static const char *const restless[] = { "last_seen_at", "used_at", "inactive", "inactive_sentence",
		"enrollments", "latest_attempt", "channels", "desired", "queued", "warnings", "people", "checked_at",
		"clock_off_s" };
	json_t *member;
	const char *name;
	size_t i;

	for (i = 0; json_is_object(v) && i < sizeof restless / sizeof restless[0]; i++)
		json_object_del(v, restless[i]);
	json_object_foreach(v, name, member) settle(member);
	json_array_foreach(v, i, member) settle(member);
}

static const char *
tag_of(struct arena *a, const json_t *answer)
{
	json_t *settled = json_keep(a, json_deep_copy(answer));

	settle(settled);
	return arena_printf(a, "\"%s\"", base64url_encode(a, crypto_sha256(a, json_text(a, settled, 0))));
}

const char *
admin_condition_tag(const struct admin_call *x, const struct admin_route *row)
{
	const char *query = x->r->query;
	bool whole =
	    query == NULL || *query == '\0' || (strncmp(query, "organization=", 13) == 0 && strchr(query, '&') == NULL);

	/* A page, or a part by a filter, is not what a change is compared with. */
	if (x->out == NULL || !whole || strcmp(row->method, "GET") != 0 || !admin_condition_applies(row))
		return NULL;
	return tag_of(x->c->arena, x->out);
}

/* Is the tag in the field's list? */
static bool
listed(const char *list, const char *tag)
{
	size_t n = strlen(tag);

	if (strcmp(list, "*") == 0)
		return true;
	for (const char *p = list; (p = strstr(p, tag)) != NULL; p += n) {
		if ((p == list || strchr(" ,\t", p[-1]) != NULL) && (p[n] == '\0' || strchr(" ,\t", p[n]) != NULL))
			return true;
	}
	return false;
}

struct condition {
	struct admin_call *x;
	const struct admin_route *reader;
	const char *wanted; /* If-Match */
	const char *refusal; /* NULL: it is as the sender has seen it */
};

/* RC_CONFLICT: c->refusal says why. */
static enum rc
compare(struct call *c, void *arg)
{
	struct condition *k = arg;
	struct admin_call look = *k->x;
	enum rc rc;

	look.out = NULL;
	k->refusal = NULL;
	rc = k->reader->handler(&look);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	if (rc == RC_OK && listed(k->wanted, tag_of(c->arena, look.out)))
		return RC_OK;
	k->refusal = rc == RC_OK ? "somebody changed this since you read it: read it again, and decide again"
				 : "this is not there any more";
	return fail(&c->err, RC_CONFLICT, "%s", k->refusal);
}

static enum rc
answer_of(const struct condition *k, enum rc rc)
{
	if (k->refusal == NULL)
		return rc;
	k->x->status = 412;
	k->x->code = "changed";
	return fail(&k->x->c->err, RC_CONFLICT, "%s", k->refusal); /* whatever the handler made of it */
}

enum rc
admin_condition_check(struct admin_call *x, const struct admin_route *row)
{
	struct condition k = { .x = x, .wanted = http_header(x->r, "If-Match") };

	if (k.wanted == NULL || !changes(row->method))
		return RC_OK;
	if ((k.reader = reader_of(row->path)) == NULL)
		return fail(&x->c->err, RC_BAD_INPUT, "If-Match: nothing here has an ETag");
	return answer_of(&k, compare(x->c, &k));
}

enum rc
admin_condition_held(struct admin_call *x, const struct admin_route *row)
{
	struct condition k = { .x = x, .wanted = http_header(x->r, "If-Match") };
	struct err why;
	bool asked;
	enum rc rc;

	if (k.wanted == NULL || !changes(row->method))
		return row->handler(x);
	k.reader = reader_of(row->path);
	store_ask_first(x->c, compare, &k);
	rc = row->handler(x);
	asked = x->c->first == NULL;
	store_ask_first(x->c, NULL, NULL);
	why = x->c->err;
	/* What was refused before the unit, perhaps because it is not there any more. */
	if (rc != RC_OK && !asked && compare(x->c, &k) != RC_CONFLICT)
		x->c->err = why;
	return answer_of(&k, rc);
}
