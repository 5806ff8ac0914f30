/* The OpenAPI 3.1 document, made from the table of requests and openapi_table.h. */
#include <string.h>

#include "admin/openapi_table.h"
#include "admin/routes.h"

#define REF "#/components/schemas/%s"

static const struct {
	const char *name, *members;
} schemas[] = {
#define X(name, members) { name, members },
	SCHEMAS(X)
#undef X
};

static const struct operation {
	const char *handler, *query, *answer, *summary;
} operations[] = {
#define X(handler, query, answer, summary) { handler, query, answer, summary },
	OPERATIONS(X)
#undef X
};

/* ---- words of the tables ---- */

struct word {
	char name[64];
	bool needed, nullable, absent; /* '!'; neither; '?' */
	char type;
	char other[64]; /* behind '@' and '[' */
};

/* The next word of a list; false at its end. A '!' stands before the name in fields of bodies, behind it elsewhere. */
static bool
next_word(const char **list, struct word *w)
{
	size_t n;

	*list += strspn(*list, " ");
	if (**list == '\0')
		return false;
	*w = (struct word){ .type = 's' };
	if (**list == '!') {
		w->needed = true;
		(*list)++;
	}
	n = strcspn(*list, " !?:");
	memcpy(w->name, *list, n < sizeof w->name ? n : sizeof w->name - 1);
	*list += n;
	if (**list == '!' || **list == '?') {
		w->needed = **list == '!';
		w->absent = **list == '?';
		(*list)++;
	}
	w->nullable = !w->needed;
	if (**list == ':') {
		w->type = *++*list;
		n = strcspn(++*list, " ");
		memcpy(w->other, *list, n < sizeof w->other ? n : sizeof w->other - 1);
		*list += n;
	}
	return true;
}

static json_t *
ref(const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf(REF, name));
}

static json_t *
typed(const char *type, bool nullable)
{
	return nullable ? json_pack("{s:[ss]}", "type", type, "null") : json_pack("{ss}", "type", type);
}

static json_t *
schema_of(const struct word *w)
{
	json_t *j;

	switch (w->type) {
	case 'i':
		j = typed("integer", w->nullable);
		json_object_set_new(j, "format", json_string("int64"));
		return j;
	case 'b':
		return typed("boolean", w->nullable);
	case 'o':
		j = typed("object", w->nullable);
		json_object_set_new(j, "additionalProperties", json_true());
		return j;
	case 'x':
		return json_object();
	case 'a':
		return json_pack("{ss s{ss}}", "type", "array", "items", "type", "string");
	case '[':
		return json_pack("{ss so}", "type", "array", "items", ref(w->other));
	case '@':
		return w->nullable ? json_pack("{s[o{ss}]}", "anyOf", ref(w->other), "type", "null") : ref(w->other);
	default:
		return typed("string", w->nullable);
	}
}

/* An object of those members and no other. */
static json_t *
object_of(const char *members, bool body)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *j = json_pack("{ss so so sb}", "type", "object", "properties", properties, "required", required,
	    "additionalProperties", 0);
	struct word w;

	while (next_word(&members, &w)) {
		json_t *member;

		if (w.type == 'e') /* text that may be empty */
			w.type = 's';
		else if (body && w.type == 's')
			w.type = 't';
		member = schema_of(&w);
		if (w.type == 't')
			json_object_set_new(member, "minLength", json_integer(1));
		json_object_set_new(properties, w.name, member);
		if (body ? w.needed : !w.absent)
			json_array_append_new(required, json_string(w.name));
	}
	return j;
}

/* ---- one request ---- */

static const struct operation *
described(const struct admin_route *row)
{
	static const struct operation none = { "", "", "Anything", "" }; /* a test finds it */

	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
		if (strcmp(operations[i].handler, row->name) == 0)
			return &operations[i];
	}
	return &none;
}

bool
admin_lists(const struct admin_route *row)
{
	return described(row)->answer[0] == '[';
}

static void
add_parameter(json_t *list, const char *name, const char *in, bool required, json_t *schema)
{
	json_array_append_new(
	    list, json_pack("{ss ss sb so}", "name", name, "in", in, "required", required, "schema", schema));
}

static json_t *
parameters(struct arena *a, const struct admin_route *row, const struct operation *op)
{
	json_t *list = json_array();
	const char *query = op->query;
	struct word w;

	for (const char *p = row->path; (p = strchr(p, '{')) != NULL; p++)
		add_parameter(list, arena_strndup(a, p + 1, strcspn(p + 1, "}")), "path", true,
		    json_pack("{ss si}", "type", "string", "minLength", 1));
	while (next_word(&query, &w)) {
		bool needed = w.needed;

		w.needed = true;
		w.nullable = false;
		add_parameter(list, w.name, "query", needed, schema_of(&w));
	}
	if (admin_lists(row)) {
		add_parameter(list, "cursor", "query", false, typed("string", false));
		add_parameter(list, "limit", "query", false,
		    json_pack("{ss si si}", "type", "integer", "minimum", 1, "maximum", DB_PAGE_MAX));
	}
	if (strcmp(row->method, "POST") == 0)
		add_parameter(list, "Idempotency-Key", "header", false, typed("string", false));
	if (strcmp(row->method, "GET") != 0 && admin_condition_applies(row))
		add_parameter(list, "If-Match", "header", false, typed("string", false));
	return list;
}

static json_t *
answer_of(struct arena *a, const char *answer)
{
	if (*answer == '\0')
		return object_of("", false);
	if (*answer != '[')
		return ref(answer);
	/* "next" is absent on the last page, and never null. */
	return object_of(arena_printf(a, "items!:%s next?:t", answer), false);
}

static json_t *
content_of(const char *type, json_t *schema)
{
	return json_pack("{s{so}}", type, "schema", schema);
}

static json_t *
roles_of(const struct admin_route *row)
{
	static const enum actor_role all[] = { ACTOR_READ, ACTOR_HELP_DESK, ACTOR_ADMIN };
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if ((row->roles & all[i]) != 0)
			json_array_append_new(list, json_string(actor_role_name(all[i])));
	}
	return list;
}

static json_t *
operation_json(struct arena *a, const struct admin_route *row)
{
	const struct operation *op = described(row);
	bool created = op->answer[0] == '+';
	json_t *responses = json_object(), *j;

	json_object_set_new(responses, created ? "201" : "200",
	    json_pack("{ss so}", "description", created ? "Created" : "Done", "content",
		content_of("application/json", answer_of(a, op->answer + created))));
	json_object_set_new(responses, "default",
	    json_pack("{ss so}", "description", "Refused: `detail` says what to do", "content",
		content_of("application/problem+json", ref("Problem"))));
	j = json_pack("{ss ss so so so}", "operationId", row->name, "summary", op->summary, "parameters",
	    parameters(a, row, op), "responses", responses, "x-roles", roles_of(row));
	if ((row->roles & ADMIN_WHOLE) != 0)
		json_object_set_new(j, "x-all-organizations", json_true());
	if (row->what == ADMIN_GRAVE)
		json_object_set_new(j, "x-proven", json_true());
	if (row->fields[0] != '\0')
		json_object_set_new(j, "requestBody",
		    json_pack("{sb so}", "required", strchr(row->fields, '!') != NULL, "content",
			content_of("application/json", object_of(row->fields, true))));
	return j;
}

static char *
lower(struct arena *a, const char *text)
{
	char *low = arena_strdup(a, text);

	for (char *p = low; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	return low;
}

json_t *
admin_openapi(struct arena *a, const char *version)
{
	json_t *paths = json_object(), *components = json_object();

	for (const struct admin_route *row = admin_rows; row->path != NULL; row++) {
		json_t *path = json_object_get(paths, row->path);

		if (path == NULL)
			json_object_set_new(paths, row->path, path = json_object());
		json_object_set_new(path, lower(a, row->method), operation_json(a, row));
	}
	for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
		json_object_set_new(components, schemas[i].name, object_of(schemas[i].members, false));
	json_object_set_new(components, "Problem", object_of("type! title! status!:i detail! code!", false));
	json_object_set_new(components, "Anything", json_pack("{ss sb}", "type", "object", "additionalProperties", 1));
	json_object_set_new(components, "Document", json_pack("{ss sb}", "type", "object", "additionalProperties", 1));
	return json_keep(
	    a, json_pack("{ss s{ss ss ss} s[{ss}] s[{s[]}] so s{so s{s{ss ss}}}}", "openapi", "3.1.0", "info", "title",
		   "postern", "version", version, "description", "The administration API. Times are Unix seconds.",
		   "servers", "url", ADMIN_PATH, "security", "token", "paths", paths, "components", "schemas",
		   components, "securitySchemes", "token", "type", "http", "scheme", "bearer"));
}

enum rc
admin_openapi_get(struct admin_call *x)
{
	x->out = admin_openapi(x->c->arena, POSTERN_VERSION);
	return RC_OK;
}
