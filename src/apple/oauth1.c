#include "apple/oauth1.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "fmt/base64.h"

#define BASE_MAX (64 * 1024)

/* ---- reading ---- */

static const char *
skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

/* One name="value" from *p, decoded; *p behind it. */
static bool
take_item(struct arena *a, const char **p, struct uri_item *out)
{
	size_t name = strcspn(*p, "= ,\t\""), value;
	const char *v = *p + name + 2;

	if (name == 0 || (*p)[name] != '=' || (*p)[name + 1] != '"')
		return false;
	value = strcspn(v, "\"");
	if (v[value] != '"')
		return false;
	out->name = uri_decode(a, bytes_of(*p, name), false);
	out->value = uri_decode(a, bytes_of(v, value), false);
	*p = skip_space(v + value + 1);
	if (**p == ',')
		*p = skip_space(*p + 1);
	else if (**p != '\0')
		return false;
	return out->name != NULL && out->value != NULL;
}

static enum rc
take_items(struct arena *a, const char *p, struct uri_items *out, struct err *e)
{
	struct uri_item it;

	out->item = arena_array(a, OAUTH1_ITEMS, sizeof *out->item);
	out->n = 0;
	while (*p != '\0') {
		if (out->n == OAUTH1_ITEMS || !take_item(a, &p, &it))
			return fail(e, RC_BAD_INPUT, "the Authorization header can't be read");
		if (strcmp(it.name, "realm") == 0)
			continue;
		if (strncmp(it.name, "oauth_", 6) != 0)
			return fail(e, RC_BAD_INPUT, "Unsupported oauth parameters");
		if (uri_item(out, it.name) != NULL)
			return fail(e, RC_BAD_INPUT, "Duplicated OAuth protocol parameter");
		out->item[out->n++] = it;
	}
	return RC_OK;
}

enum rc
oauth1_parse(struct arena *a, const char *header, struct oauth1 *out, struct err *e)
{
	static const char scheme[] = "OAuth ";
	const char *timestamp = NULL, *method = NULL, *version = NULL;
	const struct {
		const char *name, **to;
		bool optional;
	} parts[] = {
		{ "oauth_consumer_key", &out->consumer_key, false },
		{ "oauth_token", &out->token, false },
		{ "oauth_signature_method", &method, false },
		{ "oauth_signature", &out->signature, false },
		{ "oauth_timestamp", &timestamp, false },
		{ "oauth_nonce", &out->nonce, false },
		{ "oauth_version", &version, true },
	};
	char *end;
	enum rc rc;

	*out = (struct oauth1){ 0 };
	if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
		return fail(e, RC_BAD_INPUT, "Missing required authorization parameter");
	if ((rc = take_items(a, skip_space(header + sizeof scheme - 1), &out->items, e)) != RC_OK)
		return rc;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		*parts[i].to = uri_item(&out->items, parts[i].name);
		if (!parts[i].optional && (*parts[i].to == NULL || **parts[i].to == '\0'))
			return fail(e, RC_BAD_INPUT, "Missing required authorization parameter");
	}
	if (strcmp(method, "HMAC-SHA1") != 0)
		return fail(e, RC_BAD_INPUT, "Unsupported signature method");
	if (version != NULL && strcmp(version, "1.0") != 0)
		return fail(e, RC_BAD_INPUT, "Unsupported oauth parameters");
	out->timestamp = strtoll(timestamp, &end, 10);
	if (strspn(timestamp, "0123456789") != strlen(timestamp) || strlen(timestamp) > 12 ||
	    strlen(out->nonce) > OAUTH1_NONCE_MAX)
		return fail(e, RC_BAD_INPUT, "Unsupported oauth parameters");
	return RC_OK;
}

/* ---- signing ---- */

static int
by_name_and_value(const void *x, const void *y)
{
	const struct uri_item *p = x, *q = y;
	int names = strcmp(p->name, q->name);

	return names != 0 ? names : strcmp(p->value, q->value);
}

/* Encoded first, then sorted: RFC 5849 3.4.1.3.2 in that order. */
const char *
oauth1_base(struct arena *a, const char *method, const char *url, const char *query, const struct oauth1 *o)
{
	struct uri_items asked = { 0 };
	struct uri_item *all;
	struct buf b;
	int n = 0;

	if (query != NULL && uri_items_parse(a, bytes_str(query), true, OAUTH1_ITEMS, &asked, NULL) != RC_OK)
		return NULL;
	all = arena_array(a, (size_t)asked.n + (size_t)o->items.n, sizeof *all);
	for (int i = 0; i < asked.n + o->items.n; i++) {
		const struct uri_item *it = i < asked.n ? &asked.item[i] : &o->items.item[i - asked.n];

		if (strcmp(it->name, "oauth_signature") != 0)
			all[n++] = (struct uri_item){ uri_encode(a, it->name), uri_encode(a, it->value) };
	}
	if (n > 0)
		qsort(all, (size_t)n, sizeof *all, by_name_and_value);
	buf_init(&b, BASE_MAX);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%s=%s", i > 0 ? "&" : "", all[i].name, all[i].value);
	return arena_printf(a, "%s&%s&%s", method, uri_encode(a, url), uri_encode(a, buf_finish(&b, a)));
}

const char *
oauth1_sign(struct arena *a, const char *base, const char *consumer_secret, const char *token_secret)
{
	const char *key = arena_printf(a, "%s&%s", uri_encode(a, consumer_secret), uri_encode(a, token_secret));

	return base64_encode(a, crypto_hmac_sha1(a, bytes_str(key), bytes_str(base)));
}
