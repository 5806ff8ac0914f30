#include "config/config_type.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/uri.h"

#define LIST_MAX 64 /* values in a list */
#define DAY 86400

static enum rc
refuse(const struct conf_setter *t, const char *wants)
{
	return fail(t->e, RC_BAD_INPUT, "%s: %s wants %s, not '%.100s'", t->where, t->s->key, wants, t->value);
}

static enum rc
set_text(const struct conf_setter *t)
{
	*(const char **)t->member = *t->value != '\0' ? arena_strdup(t->a, t->value) : NULL;
	return RC_OK;
}

static enum rc
set_url(const struct conf_setter *t)
{
	char *copy = arena_strdup(t->a, t->value);
	size_t n = strlen(copy);
	struct uri uri;

	if (n > 0 && copy[n - 1] == '/')
		copy[n - 1] = '\0';
	if (n > 0 && (uri_parse(t->a, copy, &uri, NULL) != RC_OK || uri.query != NULL || strchr(copy, '#') != NULL))
		return refuse(t, "an https URL without a query");
	*(const char **)t->member = n > 0 ? copy : NULL;
	return RC_OK;
}

static const char *
absolute(const struct conf_setter *t, const char *path)
{
	if (*path == '/')
		return arena_strdup(t->a, path);
	return arena_printf(t->a, "%s/%s", t->conf->data, path);
}

static enum rc
set_path(const struct conf_setter *t)
{
	*(const char **)t->member = *t->value != '\0' ? absolute(t, t->value) : NULL;
	return RC_OK;
}

static enum rc
set_store(const struct conf_setter *t)
{
	const char **dsn = t->member;

	if (strncmp(t->value, "sqlite:", 7) == 0 && t->value[7] != '\0') {
		*dsn = t->value[7] == ':' ? arena_strdup(t->a, t->value) /* sqlite::memory: */
					  : arena_printf(t->a, "sqlite:%s", absolute(t, t->value + 7));
		return RC_OK;
	}
	if (strncmp(t->value, "postgresql://", 13) == 0 || strncmp(t->value, "postgres://", 11) == 0) {
		*dsn = arena_strdup(t->a, t->value);
		return RC_OK;
	}
	/* Not quoted: it may hold a password. */
	return fail(t->e, RC_BAD_INPUT, "%s: store wants sqlite:PATH or postgresql://...", t->where);
}

static bool
is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum rc
set_list(const struct conf_setter *t)
{
	const char **list = arena_array(t->a, LIST_MAX + 1, sizeof *list);
	int n = 0;

	for (const char *p = t->value; *p != '\0';) {
		const char *end = p;

		while (*end != '\0' && !is_separator(*end))
			end++;
		if (end == p) {
			p++;
			continue;
		}
		if (n == LIST_MAX)
			return refuse(t, "at most 64 values");
		list[n++] = arena_strndup(t->a, p, (size_t)(end - p));
		p = end;
	}
	*(const char *const **)t->member = list;
	return RC_OK;
}

static bool
is_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	long port = 0;

	if (colon == NULL || colon == text || colon[1] == '\0')
		return false;
	for (const char *p = colon + 1; *p != '\0'; p++) {
		if (!isdigit((unsigned char)*p) || (port = port * 10 + (*p - '0')) > 65535)
			return false;
	}
	if (text[0] == '[')
		return colon[-1] == ']';
	return memchr(text, ':', (size_t)(colon - text)) == NULL;
}

static enum rc
set_addresses(const struct conf_setter *t)
{
	enum rc rc = set_list(t);

	for (const char *const *p = *(const char *const **)t->member; rc == RC_OK && *p != NULL; p++) {
		if (!is_address(*p))
			rc = refuse(t, "ADDRESS:PORT, several separated by commas");
	}
	return rc;
}

static enum rc
set_number(const struct conf_setter *t, const char *units)
{
	static const int64_t seconds[] = { 1, 60, 3600, DAY };
	const char *unit;
	char *end;
	long long n;

	errno = 0;
	n = strtoll(t->value, &end, 10);
	if (end == t->value || errno != 0 || !isdigit((unsigned char)t->value[0]))
		return refuse(t, *units != '\0' ? "a number with a unit (s, m, h, d)" : "a whole number");
	if (*units != '\0' && *end != '\0' && (unit = strchr(units, *end)) != NULL) {
		int64_t factor = seconds[unit - units];

		n = n > INT64_MAX / factor ? INT64_MAX : n * factor;
		end++;
	}
	if (*end != '\0')
		return refuse(t, *units != '\0' ? "a number with a unit (s, m, h, d)" : "a whole number");
	if (n < t->s->least || n > t->s->most)
		return fail(t->e, RC_BAD_INPUT, "%s: %s wants a number from %lld to %lld, not %lld", t->where,
		    t->s->key, (long long)t->s->least, (long long)t->s->most, n);
	*(int64_t *)t->member = n;
	return RC_OK;
}

static enum rc
set_int(const struct conf_setter *t)
{
	return set_number(t, "");
}

static enum rc
set_seconds(const struct conf_setter *t)
{
	return set_number(t, "smhd");
}

/* Position of the value in a NULL-terminated list, or -1. */
static int
position(const char *value, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], value) == 0)
			return i;
	}
	return -1;
}

static enum rc
set_flag(const struct conf_setter *t)
{
	static const char *const names[] = { "no", "yes", "false", "true", "off", "on", "0", "1", NULL };
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "yes or no");
	*(bool *)t->member = i % 2 == 1;
	return RC_OK;
}

static enum rc
set_level(const struct conf_setter *t)
{
	static const char *const names[] = { "debug", "info", "warn", "error", NULL }; /* as enum log_level */
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "debug, info, warn or error");
	*(enum log_level *)t->member = (enum log_level)i;
	return RC_OK;
}

static enum rc
set_format(const struct conf_setter *t)
{
	static const char *const names[] = { "logfmt", "json", NULL }; /* as enum log_format */
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "logfmt or json");
	*(enum log_format *)t->member = (enum log_format)i;
	return RC_OK;
}

static enum rc
set_sandbox(const struct conf_setter *t)
{
	static const char *const names[] = { "off", "on", "require", NULL }; /* as enum sandbox_mode */
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "on, off or require");
	*(enum sandbox_mode *)t->member = (enum sandbox_mode)i;
	return RC_OK;
}

enum rc (*const conf_setters[CONF_TYPES])(const struct conf_setter *) = {
	[T_TEXT] = set_text,
	[T_URL] = set_url,
	[T_PATH] = set_path,
	[T_STORE] = set_store,
	[T_LIST] = set_list,
	[T_ADDRESSES] = set_addresses,
	[T_INT] = set_int,
	[T_SECONDS] = set_seconds,
	[T_FLAG] = set_flag,
	[T_LEVEL] = set_level,
	[T_FORMAT] = set_format,
	[T_SANDBOX] = set_sandbox,
};
