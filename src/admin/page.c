/* Pages of listings: `limit` rows, behind the row that `cursor` names, the "next" of the page before.
 *
 * What grows by itself, with people and what happens, is cut in the store, and its handler asks here which page is
 * wanted. Any other listing is as long as administrators made it, comes whole from its handler, as its ETag needs it, and
 * is cut here, so that a client can read all of them alike. */
#include <stdlib.h>
#include <string.h>

#include "admin/routes.h"

enum rc
admin_limit(struct admin_call *x, int *out)
{
	int64_t limit;
	enum rc rc = admin_query_int(x, "limit", DB_PAGE_MAX, &limit);

	if (rc == RC_OK && (limit < 1 || limit > DB_PAGE_MAX)) {
		(void)fail(&x->c->err, RC_BAD_INPUT, "limit is a number from 1 to %d", DB_PAGE_MAX);
		return RC_BAD_INPUT;
	}
	*out = (int)limit;
	x->paged = true;
	return rc;
}

enum rc
admin_page(struct admin_call *x, struct db_page *out)
{
	const char *cursor = admin_query(x, "cursor") != NULL ? admin_query(x, "cursor") : admin_query(x, "before");
	size_t n = cursor != NULL ? strspn(cursor, "0123456789") : 0;
	enum rc rc;

	*out = (struct db_page){ .limit = DB_PAGE_MAX };
	if ((rc = admin_limit(x, &out->limit)) != RC_OK || cursor == NULL)
		return rc;
	if (n == 0 || n > 18 || (cursor[n] != '.' && cursor[n] != '\0') || strlen(cursor) > 200)
		return fail(&x->c->err, RC_BAD_INPUT,
		    "cursor is the next of the page before this one, before a number of seconds");
	out->before = strtoll(cursor, NULL, 10);
	out->id = cursor[n] == '.' ? cursor + n + 1 : NULL;
	return RC_OK;
}

const char *
admin_after(const struct admin_call *x)
{
	const char *cursor = admin_query(x, "cursor");

	return cursor != NULL ? cursor : admin_query(x, "after");
}

void
admin_page_next(struct admin_call *x, int64_t time, const char *id)
{
	admin_put_text(x->out, "next", arena_printf(x->c->arena, "%lld.%s", (long long)time, id));
}

/* ---- what comes whole ---- */

/* What tells one item from another. */
static const char *
name_of(const json_t *item)
{
	static const char *const names[] = { "id", "uuid", "fingerprint", "domain", "name", "group", "adam_id",
		"request_type", "what" };
	const char *name = NULL;

	for (size_t i = 0; i < sizeof names / sizeof names[0] && name == NULL; i++)
		name = json_get_text(item, names[i]);
	return name != NULL ? name : "";
}

/* "NUMBER.NAME": behind the item of that name, which was the NUMBERth and is looked for there first, since a listing may
 * have several of one name; if it is gone, behind as many items. */
static enum rc
find_start(struct admin_call *x, const json_t *items, size_t *start)
{
	const char *cursor = admin_query(x, "cursor");
	size_t n = cursor != NULL ? strspn(cursor, "0123456789") : 0;

	*start = 0;
	if (cursor == NULL)
		return RC_OK;
	if (n == 0 || n > 9 || cursor[n] != '.')
		return fail(&x->c->err, RC_BAD_INPUT, "cursor is the next of the page before this one");
	*start = (size_t)strtol(cursor, NULL, 10);
	if (*start > 0 && *start <= json_array_size(items) &&
	    strcmp(name_of(json_array_get(items, *start - 1)), cursor + n + 1) == 0)
		return RC_OK;
	for (size_t i = 0; i < json_array_size(items); i++) {
		if (strcmp(name_of(json_array_get(items, i)), cursor + n + 1) == 0) {
			*start = i + 1;
			return RC_OK;
		}
	}
	return RC_OK;
}

enum rc
admin_cut(struct admin_call *x, const struct admin_route *row)
{
	json_t *items = json_object_get(x->out, "items"), *cut;
	size_t start, n = json_array_size(items);
	enum rc rc;
	int limit;

	if (x->paged || !admin_lists(row))
		return RC_OK;
	if ((rc = admin_limit(x, &limit)) != RC_OK || (rc = find_start(x, items, &start)) != RC_OK)
		return rc;
	if (start == 0 && n <= (size_t)limit)
		return RC_OK;
	cut = json_array();
	for (size_t i = start; i < n && i < start + (size_t)limit; i++)
		json_array_append(cut, json_array_get(items, i));
	if (start + (size_t)limit < n)
		admin_put_text(x->out, "next",
		    arena_printf(x->c->arena, "%zu.%s", start + (size_t)limit,
			name_of(json_array_get(items, start + (size_t)limit - 1))));
	admin_put(x->out, "items", cut);
	return RC_OK;
}
