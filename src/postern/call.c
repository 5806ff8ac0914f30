/* A command that is a request: its fields and path by the row of its table, all pages, and what is printed. */
#include "postern/call.h"

#include <stdlib.h>
#include <string.h>

#include "fmt/base64.h"
#include "fmt/uri.h"

static const struct cli_call *
find_call(const struct argv *v)
{
	for (const struct cli_call *c = cli_calls; c->command != NULL; c++) {
		if (strcmp(c->command, v->command->name) == 0 && (c->when == NULL || argv_given(v, c->when)))
			return c;
	}
	return NULL;
}

/* ---- values ---- */

/* Which of --byod, --adde, --redirect and --refuse was written. */
static const char *
outcome(const struct argv *v)
{
	static const char *const names[] = { "byod", "adde", "redirect", "refuse" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (argv_given(v, names[i]))
			return names[i];
	}
	return NULL;
}

static json_t *
text_list(const char *const *texts)
{
	json_t *list = json_array();

	for (; *texts != NULL; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

static enum rc
file_value(struct cli *k, const char *path, char type, json_t **out)
{
	struct bytes content;
	enum rc rc = cli_file(k, path, &content);

	if (rc != RC_OK)
		return rc;
	*out =
	    type == 'd' ? json_string(base64_encode(k->a, content)) : json_stringn((const char *)content.p, content.n);
	return *out != NULL ? RC_OK : fail(&k->err, RC_BAD_INPUT, "%s is not text", path);
}

static enum rc
option_value(struct cli *k, const char *name, char type, json_t **out)
{
	const struct argv *v = k->v;

	if (type == 'A') { /* a list that replaces what was there, also by nothing */
		*out = text_list(argv_list(v, name));
		return RC_OK;
	}
	if (type != 's' && !argv_given(v, name))
		return RC_OK;
	switch (type) {
	case 'a':
		*out = text_list(argv_list(v, name));
		return RC_OK;
	case 'b':
		*out = json_true();
		return RC_OK;
	case 'y': /* of the choices yes and no */
		*out = json_boolean(strcmp(argv_text(v, name), "yes") == 0);
		return RC_OK;
	case 'i':
		*out = json_integer(argv_int(v, name, 0));
		return RC_OK;
	case 'f':
	case 'd':
		return file_value(k, argv_text(v, name), type, out);
	default:
		*out = argv_text(v, name) != NULL ? json_string(argv_text(v, name)) : NULL;
		return RC_OK;
	}
}

static enum rc
argument_value(struct cli *k, const char *source, char type, json_t **out)
{
	int i = (int)strtol(source, NULL, 10);
	const char *text = i < k->v->n_arguments ? argv_argument(k->v, i) : NULL;
	char *end;

	if (text == NULL)
		return RC_OK;
	if (type == 'f' || type == 'd')
		return file_value(k, text, type, out);
	if (type == 'a')
		*out = text_list(k->v->arguments + i);
	else if (type == 'i') {
		long value = strtol(text, &end, 10);

		if (*end != '\0' || end == text)
			return fail(&k->err, RC_BAD_INPUT, "%.60s is not a number", text);
		*out = json_integer(value);
	} else {
		*out = json_string(text);
	}
	return RC_OK;
}

static enum rc
value_of(struct cli *k, const char *source, char type, json_t **out)
{
	const char *password;
	enum rc rc;

	*out = NULL;
	if (*source >= '0' && *source <= '9')
		return argument_value(k, source, type, out);
	if (*source == '@') {
		*out = json_boolean(strcmp(source, "@true") == 0);
		return RC_OK;
	}
	if (strcmp(source, "outcome") == 0) {
		*out = json_string(outcome(k->v));
		return RC_OK;
	}
	if (strcmp(source, "stdin") == 0) {
		if (!argv_flag(k->v, "password-stdin"))
			return RC_OK;
		if ((rc = cli_password(k, &password)) == RC_OK)
			*out = json_string(password);
		return rc == RC_OK && *out == NULL ? fail(&k->err, RC_BAD_INPUT, "the password is not UTF-8") : rc;
	}
	return option_value(k, source + 2, type, out);
}

/* ---- fields and path ---- */

static enum rc
fields_of(struct cli *k, const char *spec, json_t *into)
{
	char word[128], *source, *type;

	while (*spec != '\0') {
		size_t n = strcspn(spec, " ");
		json_t *value;
		enum rc rc;

		if (n >= sizeof word)
			return fail(&k->err, RC_INTERNAL, "field too long");
		memcpy(word, spec, n);
		word[n] = '\0';
		spec += n + strspn(spec + n, " ");
		source = strchr(word, '=');
		*source++ = '\0';
		if ((type = strchr(source, ':')) != NULL)
			*type++ = '\0';
		if ((rc = value_of(k, source, type != NULL ? *type : 's', &value)) != RC_OK)
			return rc;
		if (value != NULL)
			json_object_set_new(into, word, value);
	}
	return RC_OK;
}

/* One {name} of a path or of a sentence. NULL: there is nothing of that name. */
static const char *
filled(struct cli *k, const char *name, const json_t *answer)
{
	const char *org = argv_text(k->v, "org") != NULL ? argv_text(k->v, "org") : "_";
	const char *text;

	if (strcmp(name, "org") == 0)
		return org;
	if (strcmp(name, "o") == 0)
		return k->v->n_arguments > 0 ? argv_argument(k->v, 0) : org;
	if (strncmp(name, "--", 2) == 0)
		return argv_text(k->v, name + 2);
	if (*name >= '0' && *name <= '9')
		return *name - '0' < k->v->n_arguments ? argv_argument(k->v, *name - '0') : NULL;
	text = cell_text(k, answer, name, COL_TEXT);
	return *text != '\0' ? text : NULL;
}

static const char *
fill(struct cli *k, const char *pattern, const json_t *answer, bool encode)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	while (*pattern != '\0') {
		size_t n = strcspn(pattern, "{");
		const char *end = strchr(pattern + n, '}'), *value;

		buf_add(&b, pattern, n);
		pattern += n;
		if (*pattern == '\0')
			break;
		value = filled(k, arena_strndup(k->a, pattern + 1, (size_t)(end - pattern - 1)), answer);
		if (value == NULL && encode) {
			buf_free(&b);
			return NULL;
		}
		buf_str(&b, value == NULL ? "?" : encode ? uri_encode(k->a, value) : value);
		pattern = end + 1;
	}
	return buf_finish(&b, k->a);
}

static const char *
query_of(struct cli *k, json_t *fields)
{
	const char *name, *separator = "?";
	struct buf b;
	json_t *v;

	buf_init(&b, 64 * 1024);
	json_object_foreach(fields, name, v)
	{
		const char *text = json_is_string(v) ? json_string_value(v)
				   : json_is_true(v) ? "1"
						     : arena_printf(k->a, "%lld", (long long)json_integer_value(v));

		buf_printf(&b, "%s%s=%s", separator, name, uri_encode(k->a, text));
		separator = "&";
	}
	return buf_finish(&b, k->a);
}

/* ---- running ---- */

/* All pages of a listing as one, or as many as hold the first `limit` rows (0: no limit). */
static enum rc
request(struct cli *k, const struct cli_call *call, const char *path, json_t *fields, int64_t limit, json_t **answer)
{
	bool in_query = strcmp(call->method, "GET") == 0 || strcmp(call->method, "DELETE") == 0;
	json_t *page = NULL, *next, *items = NULL;
	enum rc rc;

	*answer = NULL;
	for (;;) {
		const char *target = in_query ? arena_printf(k->a, "%s%s", path, query_of(k, fields)) : path;

		if ((rc = cli_request(k, call->method, target, in_query ? NULL : fields, &page)) != RC_OK)
			return rc;
		if (*answer == NULL)
			*answer = page;
		else
			json_array_extend(items, json_object_get(page, "items"));
		items = json_object_get(*answer, "items");
		next = json_object_get(page, "next");
		if (next == NULL || json_is_null(next) || (limit > 0 && (int64_t)json_array_size(items) >= limit))
			break;
		json_object_set(fields, "cursor", next);
	}
	while (limit > 0 && (int64_t)json_array_size(items) > limit)
		json_array_remove(items, json_array_size(items) - 1);
	json_object_del(*answer, "next");
	return RC_OK;
}

static void
print_answer(struct cli *k, const struct cli_call *call, const json_t *answer)
{
	const json_t *items = json_object_get(answer, "items");

	if (k->json)
		print_json(answer);
	else if (call->print != NULL)
		call->print(k, answer);
	else if (call->columns != NULL && items != NULL)
		print_table(k, items, call->columns, call->empty);
	else if (call->columns != NULL)
		print_object(k, answer, call->columns);
	if (call->done != NULL && !k->json)
		cli_say(k, "%s", fill(k, call->done, answer, false));
}

/* What the tables of options can't say. NULL: well. */
static const char *
misuse(const struct argv *v)
{
	int targets;

	if (strcmp(v->command->name, "token revoke") == 0) {
		targets = (v->n_arguments > 0) + argv_given(v, "user") + argv_given(v, "enrollment");
		return targets == 1 ? NULL : "name one of --user USER@DOMAIN, --enrollment ID and GRANT";
	}
	if (strcmp(v->command->name, "command send") == 0) {
		if (v->n_arguments < 2 && !argv_given(v, "plist"))
			return "name a RequestType, or a file with --plist";
		if (v->n_arguments > 2 && argv_given(v, "plist"))
			return "give either key=value pairs or --plist, not both";
	}
	if (strcmp(v->command->name, "user erase") == 0 && !argv_flag(v, "yes"))
		return "what is erased can't be brought back: say --yes (postern user export keeps a copy)";
	if ((strcmp(v->command->name, "user passwd") == 0 || strcmp(v->command->name, "administrator passwd") == 0) &&
	    !argv_flag(v, "password-stdin"))
		return "say --password-stdin: the password is read from standard input, never from the command line";
	if (strcmp(v->command->name, "attempt show") == 0 && (v->n_arguments == 1) == argv_given(v, "last"))
		return "name an attempt's ID, or a person with --last USER@DOMAIN";
	return NULL;
}

int
cli_call(const struct argv *v, void *ctx)
{
	const struct cli_call *call = find_call(v);
	const char *path, *wrong = misuse(v);
	json_t *fields, *answer;
	struct cli k;
	int status;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	if (wrong != NULL)
		return cli_usage(&k, "%s", wrong);
	path = fill(&k, call->path, NULL, true);
	if (path == NULL)
		return cli_usage(&k, "an argument is missing");
	fields = json_keep(k.a, json_object());
	rc = fields_of(&k, call->fields, fields);
	if (rc == RC_OK)
		rc = request(&k, call, path, fields, call->limited ? argv_int(k.v, "limit", 0) : 0, &answer);
	if (rc == RC_OK)
		print_answer(&k, call, answer);
	status = rc == RC_OK ? EXIT_DONE : cli_refused(&k);
	cli_end(&k);
	return status;
}
