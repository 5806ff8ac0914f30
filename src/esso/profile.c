/* The profile of a document: what a device installs before its person has signed in. */
#include <stdlib.h>
#include <string.h>

#include "crypto/cms.h"
#include "crypto/x509.h"
#include "esso/check.h"
#include "fmt/base64.h"
#include "fmt/plist.h"
#include "fmt/uri.h"

/* ---- the payloads ---- */

/* The strings of an array, as the tree has no other way to read them; NULL where one is none. */
static const char *
text_at(struct arena *a, plist_t list, uint32_t i)
{
	plist_t item = plist_array_get_item(list, i);
	char *text = NULL;
	const char *kept;

	if (plist_get_node_type(item) != PLIST_STRING)
		return NULL;
	plist_get_string_val(item, &text);
	kept = text != NULL ? arena_strdup(a, text) : NULL;
	free(text);
	return kept;
}

static bool
is_host(struct arena *a, const char *text)
{
	(void)a;
	/* A leading dot stands for all subdomains. */
	return text != NULL && uri_is_fqdn(text[0] == '.' ? text + 1 : text);
}

static void
check_list(struct esso_checking *k, plist_t payload, const char *key, enum esso_rule rule,
    bool (*good)(struct arena *a, const char *text))
{
	plist_t list = plist_array(payload, key);
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;

	if (n == 0)
		esso_found(k, rule, "it has no %s", key);
	for (uint32_t i = 0; i < n; i++) {
		const char *text = text_at(k->a, list, i);

		if (!good(k->a, text))
			esso_found(k, rule, "%.150s", text != NULL ? text : "one is no text");
	}
}

static void
check_sso(struct esso_checking *k, plist_t payload)
{
	const char *extension = plist_text(k->a, payload, "ExtensionIdentifier");
	const char *type = plist_text(k->a, payload, "Type");

	k->out->n_sso++;
	if (!esso_is_bundle_id(extension))
		esso_found(k, ESSO_RULE_SSO_EXTENSION, "%.100s", extension != NULL ? extension : "it has none");
	if (type != NULL && strcmp(type, "Redirect") == 0)
		check_list(k, payload, "URLs", ESSO_RULE_SSO_URLS, esso_is_https);
	else if (type != NULL && strcmp(type, "Credential") == 0)
		check_list(k, payload, "Hosts", ESSO_RULE_SSO_HOSTS, is_host);
	else
		esso_found(k, ESSO_RULE_SSO_TYPE, "%.60s", type != NULL ? type : "it has none");
}

static void
check_certificate(struct esso_checking *k, plist_t payload)
{
	const char *type = plist_text(k->a, payload, "PayloadType");
	struct bytes content = plist_data(k->a, payload, "PayloadContent"), *pem;
	struct x509_info info;
	struct err e = { 0 };
	int n;

	k->out->n_certificates++;
	if (content.n == 0)
		esso_found(k, ESSO_RULE_CERTIFICATE, "%s has no PayloadContent", type);
	else if (x509_parse(k->a, content, &info, &e) != RC_OK &&
		 (x509_from_pem(k->a, content, &pem, &n, &e) != RC_OK || n == 0))
		esso_found(k, ESSO_RULE_CERTIFICATE, "%s: %s", type, e.text);
}

static void
check_key(struct esso_checking *k, plist_t payload)
{
	k->out->n_certificates++;
	esso_found(k, ESSO_RULE_PRIVATE_KEY, "%s", plist_text(k->a, payload, "PayloadType"));
}

static const struct kind {
	const char *type;
	void (*check)(struct esso_checking *k, plist_t payload);
} kinds[] = {
	{ "com.apple.extensiblesso", check_sso },
	{ "com.apple.security.root", check_certificate },
	{ "com.apple.security.pkcs1", check_certificate },
	{ "com.apple.security.pem", check_certificate },
	{ "com.apple.security.pkcs12", check_key },
};

static void
check_by_type(struct esso_checking *k, plist_t payload, const char *type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].type, type) == 0) {
			kinds[i].check(k, payload);
			return;
		}
	}
	esso_found(k, ESSO_RULE_PAYLOAD_TYPE, "%.100s", type);
}

/* ---- what all dictionaries of a profile have ---- */

/* What of it is missing; NULL: nothing. */
static const char *
missing(struct arena *a, plist_t dict)
{
	static const char *const texts[] = { "PayloadType", "PayloadIdentifier", "PayloadUUID" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *text = plist_text(a, dict, texts[i]);

		if (text == NULL || text[0] == '\0')
			return texts[i];
	}
	return plist_int(dict, "PayloadVersion", 0) != 1 ? "PayloadVersion 1" : NULL;
}

/* Does an earlier payload, or the profile itself, have the same value? */
static bool
taken(struct esso_checking *k, plist_t profile, plist_t content, uint32_t at, const char *key)
{
	plist_t mine = plist_dict_get_item(plist_array_get_item(content, at), key);
	plist_t other = plist_dict_get_item(profile, key);

	(void)k;
	if (other != NULL && plist_compare_node_value(mine, other) != 0)
		return true;
	for (uint32_t i = 0; i < at; i++) {
		plist_t item = plist_array_get_item(content, i);

		other = plist_get_node_type(item) == PLIST_DICT ? plist_dict_get_item(item, key) : NULL;
		if (other != NULL && plist_compare_node_value(mine, other) != 0)
			return true;
	}
	return false;
}

static void
check_payloads(struct esso_checking *k, plist_t profile, plist_t content)
{
	uint32_t n = plist_array_get_size(content);

	for (uint32_t i = 0; i < n; i++) {
		plist_t payload = plist_array_get_item(content, i);
		const char *lacks, *type;

		if (plist_get_node_type(payload) != PLIST_DICT) {
			esso_found(k, ESSO_RULE_PAYLOAD_FORM, "number %u is no dictionary", i + 1);
			continue;
		}
		type = plist_text(k->a, payload, "PayloadType");
		if ((lacks = missing(k->a, payload)) != NULL)
			esso_found(k, ESSO_RULE_PAYLOAD_FORM, "number %u (%.60s) has no %s", i + 1,
			    type != NULL ? type : "of no type", lacks);
		else if (taken(k, profile, content, i, "PayloadUUID") ||
			 taken(k, profile, content, i, "PayloadIdentifier"))
			esso_found(k, ESSO_RULE_PAYLOAD_FORM, "number %u (%.60s) has one of another", i + 1, type);
		if (type != NULL)
			check_by_type(k, payload, type);
	}
	if (k->out->n_sso == 0)
		esso_found(k, ESSO_RULE_SSO_MISSING, "it has none");
}

void
esso_check_profile(struct esso_checking *k, const json_t *value)
{
	const char *text = json_string_value(value), *type;
	struct bytes document = { NULL, 0 };
	struct cms_signed message;
	struct err e = { 0 };
	plist_t profile;

	if (text != NULL)
		document = base64_decode(k->a, bytes_str(text), false);
	if (document.n == 0) {
		esso_found(k, ESSO_RULE_PROFILE_BASE64, "it is %s", text == NULL ? "no text" : "no base64");
		return;
	}
	if (document.p[0] == 0x30) { /* a SEQUENCE: CMS */
		if (cms_verify(k->a, document, (struct bytes){ NULL, 0 }, &message, &e) != RC_OK) {
			esso_found(k, ESSO_RULE_PROFILE_SIGNATURE, "%s", e.text);
			return;
		}
		document = message.content;
	}
	if (plist_parse(k->a, document, &profile, &e) != RC_OK) {
		esso_found(k, ESSO_RULE_PROFILE_FORM, "%s", e.text);
		return;
	}
	type = plist_text(k->a, profile, "PayloadType");
	if (missing(k->a, profile) != NULL)
		esso_found(k, ESSO_RULE_PROFILE_FORM, "it has no %s", missing(k->a, profile));
	else if (strcmp(type, "Configuration") != 0)
		esso_found(k, ESSO_RULE_PROFILE_FORM, "its PayloadType is %.60s", type);
	if (plist_array(profile, "PayloadContent") == NULL)
		esso_found(k, ESSO_RULE_PROFILE_FORM, "it has no PayloadContent");
	else
		check_payloads(k, profile, plist_array(profile, "PayloadContent"));
}
