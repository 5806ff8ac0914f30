#include "esso/document.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "esso/check.h"
#include "fmt/uri.h"

#define TEAM_ID 10 /* characters */

#define X(name, text, sentence) { text, sentence },
const struct esso_rule_text esso_rules[ESSO_RULES_N] = { ESSO_RULES(X) };
#undef X

const char *
esso_kind_name(enum esso_kind kind)
{
	return kind == ESSO_DEVELOPER ? "developer" : "standard";
}

void
esso_found(struct esso_checking *k, enum esso_rule rule, const char *format, ...)
{
	struct esso_report *out = k->out;
	va_list ap;

	if (out->n < ESSO_FINDINGS_MAX) {
		va_start(ap, format);
		out->findings[out->n] = (struct esso_finding){ rule, arena_vprintf(k->a, format, ap) };
		va_end(ap);
	}
	out->n++;
}

bool
esso_is_bundle_id(const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (n == 0 || n > 155 || text[0] == '.' || text[n - 1] == '.' || strchr(text, '.') == NULL ||
	    strstr(text, "..") != NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '.')
			return false;
	}
	return true;
}

bool
esso_is_https(struct arena *a, const char *text)
{
	struct uri u;

	return text != NULL && strpbrk(text, "#?") == NULL && uri_parse(a, text, &u, NULL) == RC_OK &&
	       strcmp(u.scheme, "https") == 0;
}

/* ---- the members ---- */

static void
check_store_id(struct esso_checking *k, const json_t *value)
{
	if (!json_is_integer(value))
		esso_found(k, ESSO_RULE_STORE_ID, "it is no integer%s",
		    json_is_string(value) ? " but text: leave the quotes out" : "");
	else if (json_integer_value(value) <= 0)
		esso_found(k, ESSO_RULE_STORE_ID, "it is %lld", (long long)json_integer_value(value));
}

static bool
is_app_id(const char *text)
{
	for (int i = 0; i < TEAM_ID; i++) {
		if (!isupper((unsigned char)text[i]) && !isdigit((unsigned char)text[i]))
			return false;
	}
	return text[TEAM_ID] == '.' && esso_is_bundle_id(text + TEAM_ID + 1);
}

static bool
comes_before(const json_t *list, size_t i)
{
	const char *text = json_string_value(json_array_get(list, i));

	while (i-- > 0) {
		const char *other = json_string_value(json_array_get(list, i));

		if (other != NULL && strcmp(other, text) == 0)
			return true;
	}
	return false;
}

static void
check_app_ids(struct esso_checking *k, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (k->kind == ESSO_STANDARD) {
		esso_found(k, ESSO_RULE_APP_IDS_STANDARD, "the document is the standard one");
		return;
	}
	if (json_array_size(value) == 0)
		esso_found(k, ESSO_RULE_APP_IDS_MISSING, json_is_array(value) ? "the list is empty" : "it is no list");
	json_array_foreach(value, i, item)
	{
		const char *text = json_string_value(item);

		if (text == NULL)
			esso_found(k, ESSO_RULE_APP_ID, "number %zu is no text", i + 1);
		else if (!is_app_id(text))
			esso_found(k, ESSO_RULE_APP_ID, "%.100s", text);
		else if (comes_before(value, i))
			esso_found(k, ESSO_RULE_APP_ID, "%.100s comes twice", text);
	}
}

/* [service:]domain[?mode=...], where the domain may begin with "*." */
static bool
is_associated(struct arena *a, const char *text)
{
	const char *colon = strchr(text, ':'), *domain = colon != NULL ? colon + 1 : text;
	size_t service = colon != NULL ? (size_t)(colon - text) : 0;

	for (size_t i = 0; i < service; i++) {
		if (!islower((unsigned char)text[i]))
			return false;
	}
	if (strncmp(domain, "*.", 2) == 0)
		domain += 2;
	for (const char *mode = strchr(domain, '?'); mode != NULL && *++mode != '\0';) {
		if (!islower((unsigned char)*mode) && *mode != '=')
			return false;
	}
	return (colon == NULL || service > 0) && uri_is_fqdn(arena_strndup(a, domain, strcspn(domain, "?")));
}

static void
check_domains(struct esso_checking *k, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		esso_found(k, ESSO_RULE_DOMAIN, "it is no list");
	json_array_foreach(value, i, item)
	{
		const char *text = json_string_value(item);

		if (text == NULL)
			esso_found(k, ESSO_RULE_DOMAIN, "number %zu is no text", i + 1);
		else if (!is_associated(k->a, text))
			esso_found(k, ESSO_RULE_DOMAIN, "%.100s", text);
	}
}

static void
check_direct(struct esso_checking *k, const json_t *value)
{
	if (!json_is_boolean(value))
		esso_found(k, ESSO_RULE_DIRECT, "it is something else");
}

/* ---- the document ---- */

static const struct member {
	const char *key;
	void (*check)(struct esso_checking *k, const json_t *value);
} members[] = {
	{ "iTunesStoreID", check_store_id },
	{ "AppIDs", check_app_ids },
	{ "AssociatedDomains", check_domains },
	{ "AssociatedDomainsEnableDirectDownloads", check_direct },
	{ "ConfigurationProfile", esso_check_profile },
	{ "Declarations", esso_check_declarations },
};
#define N_MEMBERS (sizeof members / sizeof members[0])

static bool
is_known(const char *key)
{
	for (size_t i = 0; i < N_MEMBERS; i++) {
		if (strcmp(members[i].key, key) == 0)
			return true;
	}
	return false;
}

static void
check_object(struct esso_checking *k)
{
	json_t *root = (json_t *)(uintptr_t)k->root;
	const json_t *value;
	const char *key;

	json_object_foreach(root, key, value)
	{
		if (!is_known(key))
			esso_found(k, ESSO_RULE_KEY, "%.60s", key);
	}
	if (k->kind == ESSO_STANDARD && json_object_get(root, "iTunesStoreID") == NULL)
		esso_found(k, ESSO_RULE_STORE_ID_MISSING, "it has none");
	if (k->kind == ESSO_DEVELOPER && json_object_get(root, "AppIDs") == NULL)
		esso_found(k, ESSO_RULE_APP_IDS_MISSING, "it has none");
	k->out->has_profile = json_object_get(root, "ConfigurationProfile") != NULL;
	k->out->has_declarations = json_object_get(root, "Declarations") != NULL;
	if (!k->out->has_profile && !k->out->has_declarations)
		esso_found(k, ESSO_RULE_CONTENT_MISSING, "it has neither");
	for (size_t i = 0; i < N_MEMBERS; i++) {
		if ((value = json_object_get(root, members[i].key)) != NULL)
			members[i].check(k, value);
	}
}

struct esso_report *
esso_check(struct arena *a, struct bytes document, enum esso_kind kind)
{
	struct esso_checking k = { .a = a, .kind = kind, .out = arena_alloc(a, sizeof *k.out) };
	struct err e = { 0 };
	json_t *root;

	if (document.n > ESSO_DOCUMENT_MAX)
		esso_found(&k, ESSO_RULE_SIZE, "it has %zu octets", document.n);
	else if (json_parse(a, document, &root, &e) != RC_OK)
		esso_found(&k, ESSO_RULE_JSON, "%s", e.text);
	else if (!json_is_object(root))
		esso_found(&k, ESSO_RULE_JSON, "it is no object");
	else {
		k.root = root;
		check_object(&k);
	}
	return k.out;
}
