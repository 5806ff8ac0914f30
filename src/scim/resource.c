#include "scim/resource.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "account/account.h"
#include "config/config.h"
#include "store/store.h"

#define LIST "urn:ietf:params:scim:api:messages:2.0:ListResponse"

const json_t *
scim_get(const json_t *object, const char *name)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		if (strcasecmp(key, name) == 0)
			return v;
	}
	return NULL;
}

enum rc
scim_refuse(struct scim_call *x, const char *type, const char *detail)
{
	x->type = type;
	return fail(&x->c->err, RC_BAD_INPUT, "%s", detail);
}

enum rc
scim_text(struct scim_call *x, const json_t *object, const char *name, const char **out)
{
	const json_t *v = scim_get(object, name);

	*out = json_string_value(v);
	if (v != NULL && *out == NULL && !json_is_null(v))
		return scim_refuse(x, "invalidValue", arena_printf(x->c->arena, "%s is not a text", name));
	return RC_OK;
}

enum rc
scim_flag(struct scim_call *x, const json_t *value, bool *out)
{
	const char *text = json_string_value(value);

	if (value == NULL || json_is_null(value))
		return RC_OK;
	if (text != NULL ? strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0 : !json_is_boolean(value))
		return scim_refuse(x, "invalidValue", "active is true or false");
	*out = text != NULL ? strcasecmp(text, "true") == 0 : json_is_true(value);
	return RC_OK;
}

/* ---- PATCH ---- */

static enum rc
one_change(struct scim_call *x, const json_t *operation, struct scim_change *out)
{
	static const char *const ops[] = { [SCIM_ADD] = "add", [SCIM_REPLACE] = "replace", [SCIM_REMOVE] = "remove" };
	const char *op, *path;
	enum rc rc;

	*out = (struct scim_change){ .value = scim_get(operation, "value") };
	if ((rc = scim_text(x, operation, "op", &op)) != RC_OK ||
	    (rc = scim_text(x, operation, "path", &path)) != RC_OK)
		return rc;
	for (;; out->op++) {
		if (out->op > SCIM_REMOVE || op == NULL)
			return scim_refuse(x, "invalidSyntax", "op is add, replace or remove");
		if (strcasecmp(ops[out->op], op) == 0) /* Entra ID writes Replace */
			break;
	}
	if (path == NULL)
		return out->op == SCIM_REMOVE ? scim_refuse(x, "noTarget", "remove needs a path") : RC_OK;
	if (strncasecmp(path, SCIM_USER ":", strlen(SCIM_USER ":")) == 0)
		path += strlen(SCIM_USER ":");
	if (filter_path(x->c->arena, path, &out->path, &out->chosen, &x->c->err) != RC_OK)
		x->type = "invalidPath";
	return out->path != NULL && x->type == NULL ? RC_OK : RC_BAD_INPUT;
}

static bool
add_change(struct scim_change *list, int *n, const struct scim_change *one)
{
	if (*n == SCIM_OPERATIONS)
		return false;
	list[(*n)++] = *one;
	return true;
}

enum rc
scim_changes(struct scim_call *x, struct scim_change **out, int *n)
{
	const json_t *list = scim_get(x->body, "Operations"), *operation;
	struct scim_change one;
	bool room = true;
	enum rc rc = RC_OK;
	size_t i;

	*n = 0;
	*out = arena_array(x->c->arena, SCIM_OPERATIONS, sizeof **out);
	if (!json_is_array(list) || json_array_size(list) == 0)
		return scim_refuse(x, "invalidSyntax", "Operations is missing");
	json_array_foreach(list, i, operation)
	{
		const char *key;
		json_t *v;

		if (rc != RC_OK || (rc = one_change(x, operation, &one)) != RC_OK)
			break;
		if (one.path != NULL)
			room = room && add_change(*out, n, &one);
		else if (!json_is_object(one.value))
			rc = scim_refuse(x, "invalidValue", "a value without a path is an object");
		else
			json_object_foreach((json_t *)(uintptr_t)one.value, key, v)
			{
				const struct scim_change part = { one.op, key, NULL, v };

				room = room && add_change(*out, n, &part);
			}
	}
	return rc == RC_OK && !room ? scim_refuse(x, "tooMany", "more than 100 changes in one request") : rc;
}

/* ---- listings ---- */

static enum rc
number(struct scim_call *x, const char *name, int otherwise, int least, int most, int *out)
{
	const char *text = http_query(x->c, x->r, name, true);
	char *end;
	long value;

	*out = otherwise;
	if (text == NULL)
		return RC_OK;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0')
		return scim_refuse(x, "invalidValue", arena_printf(x->c->arena, "%s is not a number", name));
	*out = value < least ? least : value > most ? most : (int)value; /* RFC 7644 3.4.2.4 */
	return RC_OK;
}

/* startIndex from 1, count. */
static enum rc
page(struct scim_call *x, int *from, int *count)
{
	enum rc rc = number(x, "startIndex", 1, 1, 1000000000, from);

	return rc == RC_OK ? number(x, "count", SCIM_PAGE, 0, SCIM_PAGE, count) : rc;
}

json_t *
scim_list(struct scim_call *x, int total, int from, json_t *resources)
{
	return json_keep(
	    x->c->arena, json_pack("{s:[s], s:i, s:i, s:i, s:o}", "schemas", LIST, "totalResults", total, "startIndex",
			     from, "itemsPerPage", (int)json_array_size(resources), "Resources", resources));
}

static const char *
date(struct arena *a, int64_t at)
{
	time_t t = (time_t)at;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, text);
}

json_t *
scim_meta(struct scim_call *x, const char *type, const char *id, int64_t created, int64_t changed)
{
	struct arena *a = x->c->arena;

	return json_pack("{s:s, s:s, s:s, s:s}", "resourceType", type, "created", date(a, created), "lastModified",
	    date(a, changed), "location", arena_printf(a, "%s/scim/v2/%ss/%s", x->c->conf->url, type, id));
}

/* " AND column = ?N" for each term of the filter, from ?2 on; values into args[1...]. */
static enum rc
where_of(struct scim_call *x, const struct scim_column *columns, struct db_value *args, const char **where, int *n_args)
{
	struct filter f;
	const struct scim_column *k;

	args[0] = db_text(x->service.organization_id);
	*n_args = 1;
	*where = "";
	if (filter_parse(x->c->arena, http_query(x->c, x->r, "filter", true), &f, &x->c->err) != RC_OK) {
		x->type = "invalidFilter";
		return RC_BAD_INPUT;
	}
	for (int i = 0; i < f.n; i++) {
		for (k = columns; k->attribute != NULL && strcasecmp(k->attribute, f.term[i].attribute) != 0; k++)
			;
		if (k->attribute == NULL)
			return scim_refuse(x, "invalidFilter", "filter: this attribute is not asked for here");
		*where = arena_printf(x->c->arena, "%s AND %s = ?%d%s", *where, k->sql, *n_args + 1,
		    strchr(k->sql, '(') != NULL ? ")" : "");
		args[(*n_args)++] = db_text(k->fold ? account_fold(x->c->arena, f.term[i].value) : f.term[i].value);
	}
	return RC_OK;
}

enum rc
scim_answer_list(struct scim_call *x, const struct scim_listing *l)
{
	json_t *list = json_keep(x->c->arena, json_array()), *one = NULL;
	struct db_value args[FILTER_TERMS + 3];
	struct arena *a = x->c->arena;
	struct db_rows total, rows;
	const char *where, *window;
	int from, count, n;
	enum rc rc;

	if ((rc = page(x, &from, &count)) != RC_OK || (rc = where_of(x, l->filters, args, &where, &n)) != RC_OK)
		return rc;
	rc = store_run(x->c, arena_printf(a, "SELECT count(*) FROM %s WHERE organization_id = ?1%s", l->table, where),
	    (struct db_args){ args, n }, &total);
	if (rc != RC_OK)
		return rc;
	args[n++] = db_int(count);
	args[n++] = db_int(from - 1);
	window = arena_printf(a, " LIMIT ?%d OFFSET ?%d", n - 1, n);
	rc = store_run(x->c,
	    arena_printf(a, "SELECT %s FROM %s WHERE organization_id = ?1%s ORDER BY %s%s", l->columns, l->table, where,
		l->order, window),
	    (struct db_args){ args, n }, &rows);
	for (int i = 0; rc == RC_OK && i < rows.rows && x->members < SCIM_SHOWN; i++) {
		if ((rc = l->json(x, &rows, i, &one)) == RC_OK)
			json_array_append(list, one);
	}
	if (rc == RC_OK)
		x->out = scim_list(x, (int)db_get_int(&total, 0, 0), from, json_incref(list));
	return rc;
}
