#include "device/esso_document.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cms.h"
#include "crypto/x509.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/plist.h"

#define TEAM 10 /* characters before the first dot of an AppID */

struct texts { /* NULL-terminated, grows */
	const char **item;
	int n, size;
};

struct reading {
	struct arena *a;
	bool developer;
	const json_t *root;
	struct device_esso *out;
	struct err *e;
	struct texts urls, hosts;
	int n_extensions;
};

static bool
same(const char *text, const char *other)
{
	return text != NULL && strcmp(text, other) == 0;
}

static void
add(struct arena *a, struct texts *list, const char *text)
{
	const char **before = list->item;

	if (list->n + 1 >= list->size) {
		list->size = list->size > 0 ? list->size * 2 : 8;
		list->item = arena_array(a, (size_t)list->size, sizeof *list->item);
		for (int i = 0; i < list->n; i++)
			list->item[i] = before[i];
	}
	if (text != NULL)
		list->item[list->n++] = text;
}

/* ---- which app ---- */

static bool
names_app(const char *text)
{
	size_t dot = text != NULL ? strcspn(text, ".") : 0;
	bool team = dot == TEAM && text[dot] == '.' && text[dot + 1] != '\0';

	for (size_t i = 0; team && i < dot; i++)
		team = isupper((unsigned char)text[i]) || isdigit((unsigned char)text[i]);
	return team && strspn(text + dot, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
			   strlen(text + dot);
}

static enum rc
read_developer_app(struct reading *r)
{
	const json_t *ids = json_object_get(r->root, "AppIDs");
	size_t n = json_array_size(ids);

	if (n == 0)
		return fail(r->e, RC_BAD_INPUT, "a developer document needs AppIDs, at least one");
	for (size_t i = 0; i < n; i++) {
		if (!names_app(json_string_value(json_array_get(ids, i))))
			return fail(r->e, RC_BAD_INPUT, "AppIDs has what is not TEAMID.bundle.id");
	}
	r->out->bundle = json_string_value(json_array_get(ids, 0)) + TEAM + 1;
	return RC_OK;
}

static enum rc
read_store_app(struct reading *r)
{
	int64_t number = json_get_int(r->root, "iTunesStoreID", 0);

	if (json_object_get(r->root, "AppIDs") != NULL)
		return fail(r->e, RC_BAD_INPUT, "AppIDs are for developer mode alone");
	if (number <= 0)
		return fail(r->e, RC_BAD_INPUT, "iTunesStoreID is missing, or no positive integer");
	r->out->bundle = arena_printf(r->a, "app.%lld", (long long)number);
	return RC_OK;
}

static enum rc
read_domains(struct reading *r)
{
	const json_t *list = json_object_get(r->root, "AssociatedDomains"), *item;
	const json_t *direct = json_object_get(r->root, "AssociatedDomainsEnableDirectDownloads");
	size_t i;

	if (list != NULL && !json_is_array(list))
		return fail(r->e, RC_BAD_INPUT, "AssociatedDomains is no list");
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (text == NULL || strchr(text, '.') == NULL || strpbrk(text, " /@") != NULL)
			return fail(r->e, RC_BAD_INPUT, "AssociatedDomains has what is no domain");
	}
	if (direct != NULL && !json_is_boolean(direct))
		return fail(r->e, RC_BAD_INPUT, "AssociatedDomainsEnableDirectDownloads is neither true nor false");
	return RC_OK;
}

/* ---- the profile ---- */

/* The texts of payload[key] to the end of `list`. */
static enum rc
watch(struct reading *r, plist_t payload, const char *key, struct texts *list)
{
	plist_t array = plist_array(payload, key);
	uint32_t size = array != NULL ? plist_array_get_size(array) : 0;

	for (uint32_t i = 0; i < size; i++) {
		plist_t item = plist_array_get_item(array, i);
		char *text = NULL;

		if (plist_get_node_type(item) == PLIST_STRING)
			plist_get_string_val(item, &text);
		if (text == NULL || *text == '\0') {
			free(text);
			return fail(r->e, RC_BAD_INPUT, "%s of the SSO payload has what is no text", key);
		}
		add(r->a, list, arena_strdup(r->a, text));
		free(text);
	}
	return size > 0 ? RC_OK : fail(r->e, RC_BAD_INPUT, "the SSO payload has no %s", key);
}

static enum rc
read_extension(struct reading *r, plist_t payload)
{
	const char *extension = plist_text(r->a, payload, "ExtensionIdentifier");
	const char *type = plist_text(r->a, payload, "Type");
	int from = r->urls.n;
	enum rc rc;

	if (extension == NULL || strchr(extension, '.') == NULL)
		return fail(r->e, RC_BAD_INPUT, "the SSO payload names no extension");
	if (r->n_extensions++ == 0)
		r->out->extension = extension;
	if (same(type, "Credential"))
		return watch(r, payload, "Hosts", &r->hosts);
	if (!same(type, "Redirect"))
		return fail(r->e, RC_BAD_INPUT, "the SSO payload's Type is neither Redirect nor Credential");
	rc = watch(r, payload, "URLs", &r->urls);
	for (int i = from; rc == RC_OK && i < r->urls.n; i++) {
		if (!device_url_is(r->urls.item[i], "https") || strpbrk(r->urls.item[i], "?#") != NULL)
			rc = fail(r->e, RC_BAD_INPUT, "URLs of the SSO payload are https, without query and fragment");
	}
	return rc;
}

static enum rc
read_certificate(struct reading *r, plist_t payload)
{
	struct bytes content = plist_data(r->a, payload, "PayloadContent"), *list;
	struct x509_info info;
	int n;

	r->out->certificates++;
	if (content.n > 0 &&
	    (x509_parse(r->a, content, &info, NULL) == RC_OK || x509_from_pem(r->a, content, &list, &n, NULL) == RC_OK))
		return RC_OK;
	return fail(r->e, RC_BAD_INPUT, "a certificate payload of the profile can't be read");
}

static enum rc
read_payload(struct reading *r, plist_t payload)
{
	const char *type = NULL;

	if (plist_get_node_type(payload) == PLIST_DICT)
		type = plist_text(r->a, payload, "PayloadType");
	if (type == NULL || plist_text(r->a, payload, "PayloadIdentifier") == NULL ||
	    plist_text(r->a, payload, "PayloadUUID") == NULL || plist_int(payload, "PayloadVersion", 0) != 1)
		return fail(r->e, RC_BAD_INPUT, "a payload of the profile is incomplete");
	if (same(type, "com.apple.extensiblesso"))
		return read_extension(r, payload);
	if (same(type, "com.apple.security.root") || same(type, "com.apple.security.pem") ||
	    same(type, "com.apple.security.pkcs1"))
		return read_certificate(r, payload);
	if (same(type, "com.apple.security.pkcs12")) {
		r->out->certificates++;
		return RC_OK;
	}
	return fail(r->e, RC_BAD_INPUT, "the profile has a payload of the type %.100s", type);
}

static enum rc
read_payloads(struct reading *r, plist_t root)
{
	plist_t content = plist_array(root, "PayloadContent");
	uint32_t n = content != NULL ? plist_array_get_size(content) : 0;
	enum rc rc = RC_OK;

	for (uint32_t i = 0; rc == RC_OK && i < n; i++)
		rc = read_payload(r, plist_array_get_item(content, i));
	if (rc == RC_OK && r->n_extensions == 0)
		rc = fail(r->e, RC_BAD_INPUT, "the profile has no com.apple.extensiblesso payload");
	return rc;
}

static enum rc
read_profile(struct reading *r, struct bytes document)
{
	struct cms_signed message;
	plist_t root;

	if (document.n == 0)
		return fail(r->e, RC_BAD_INPUT, "ConfigurationProfile is no base64");
	if (document.p[0] == 0x30 && cms_verify(r->a, document, (struct bytes){ 0 }, &message, r->e) != RC_OK)
		return fail_in(r->e, RC_BAD_INPUT, "the signature of ConfigurationProfile");
	if (plist_parse(r->a, document.p[0] == 0x30 ? message.content : document, &root, r->e) != RC_OK)
		return fail_in(r->e, RC_BAD_INPUT, "ConfigurationProfile");
	r->out->identifier = plist_text(r->a, root, "PayloadIdentifier");
	r->out->uuid = plist_text(r->a, root, "PayloadUUID");
	r->out->name = plist_text(r->a, root, "PayloadDisplayName");
	if (!same(plist_text(r->a, root, "PayloadType"), "Configuration") || r->out->identifier == NULL ||
	    r->out->uuid == NULL || plist_int(root, "PayloadVersion", 0) != 1)
		return fail(r->e, RC_BAD_INPUT, "ConfigurationProfile is no configuration profile");
	return read_payloads(r, root);
}

/* ---- declarations ---- */

/* What is counted while they are read. */
struct declared {
	json_t *known; /* Identifier to Type */
	const json_t *named; /* StandardConfigurations */
	size_t activations, apps, legacy, configurations;
};

static enum rc
read_app(struct reading *r, const json_t *payload, struct declared *d)
{
	const json_t *ids = json_object_get(r->root, "AppIDs"), *id;
	const char *bundle = json_get_text(payload, "BundleID"), *store = json_get_text(payload, "AppStoreID");
	size_t i;

	d->apps++;
	if (!r->developer) {
		if (store == NULL || strtoll(store, NULL, 10) != json_get_int(r->root, "iTunesStoreID", 0))
			return fail(r->e, RC_BAD_INPUT, "the declared app has another AppStoreID than iTunesStoreID");
		return RC_OK;
	}
	json_array_foreach(ids, i, id)
	{
		if (same(bundle, json_string_value(id) + TEAM + 1))
			return RC_OK;
	}
	return fail(r->e, RC_BAD_INPUT, "the BundleID of a declared app is none of AppIDs");
}

static enum rc
read_declaration(struct reading *r, const json_t *value, struct declared *d)
{
	const char *text = json_string_value(value), *type, *identifier;
	const json_t *payload;
	struct bytes document;
	json_t *root;

	document = text != NULL ? base64_decode(r->a, bytes_str(text), true) : (struct bytes){ 0 };
	if (document.n == 0 || json_parse(r->a, document, &root, NULL) != RC_OK)
		return fail(r->e, RC_BAD_INPUT, "a declaration is no JSON in base64");
	type = json_get_text(root, "Type");
	identifier = json_get_text(root, "Identifier");
	payload = json_object_get(root, "Payload");
	if (type == NULL || identifier == NULL || *identifier == '\0' || strlen(identifier) > 64 ||
	    !json_is_object(payload))
		return fail(r->e, RC_BAD_INPUT, "a declaration is incomplete");
	json_array_append(r->out->documents, root);
	if (json_object_get(d->known, identifier) != NULL)
		return fail(r->e, RC_BAD_INPUT, "two declarations have the Identifier %s", identifier);
	json_object_set_new(d->known, identifier, json_string(type));
	d->configurations += strncmp(type, "com.apple.configuration.", 24) == 0;
	if (same(type, "com.apple.activation.simple")) {
		d->activations++;
		d->named = json_object_get(payload, "StandardConfigurations");
		return RC_OK;
	}
	if (same(type, "com.apple.configuration.app.managed"))
		return read_app(r, payload, d);
	if (same(type, "com.apple.configuration.legacy")) {
		const char *url = json_get_text(payload, "ProfileURL");

		d->legacy++;
		return url != NULL && device_url_is(url, "https")
			   ? RC_OK
			   : fail(r->e, RC_BAD_INPUT, "a legacy declaration has no https ProfileURL");
	}
	return strncmp(type, "com.apple.asset.", 16) == 0
		   ? RC_OK
		   : fail(r->e, RC_BAD_INPUT, "a declaration of the type %.100s has no place here", type);
}

/* All configurations are activated, and nothing that is not there. */
static enum rc
check_named(struct reading *r, const struct declared *d)
{
	const json_t *item;
	size_t i;

	if (json_array_size(d->named) != d->configurations)
		return fail(r->e, RC_BAD_INPUT, "the activation does not name all configurations");
	json_array_foreach(d->named, i, item)
	{
		const char *name = json_string_value(item);
		const char *type = name != NULL ? json_get_text(d->known, name) : NULL;

		if (type == NULL || strncmp(type, "com.apple.configuration.", 24) != 0)
			return fail(r->e, RC_BAD_INPUT, "the activation names what is no configuration");
	}
	return RC_OK;
}

static enum rc
read_declarations(struct reading *r, const json_t *list)
{
	size_t apps = r->developer ? json_array_size(json_object_get(r->root, "AppIDs")) : 1, i;
	struct declared d = { .known = json_keep(r->a, json_object()) };
	const json_t *item;
	enum rc rc;

	r->out->documents = json_keep(r->a, json_array());
	json_array_foreach(list, i, item)
	{
		if ((rc = read_declaration(r, item, &d)) != RC_OK)
			return rc;
	}
	if (d.activations != 1 || d.apps != apps || d.legacy == 0)
		return fail(r->e, RC_BAD_INPUT,
		    "there are %zu activations, %zu apps and %zu legacy profiles: one, %zu, and at least one are due",
		    d.activations, d.apps, d.legacy, apps);
	r->out->declarations = true;
	return check_named(r, &d);
}

/* ---- all ---- */

enum rc
device_esso_read(
    struct arena *a, struct bytes document, bool developer, bool declarative, struct device_esso *out, struct err *e)
{
	struct reading r = { .a = a, .developer = developer, .out = out, .e = e };
	const json_t *profile, *declarations;
	json_t *root;
	enum rc rc;

	*out = (struct device_esso){ 0 };
	add(a, &r.urls, NULL);
	add(a, &r.hosts, NULL);
	if (json_parse(a, document, &root, e) != RC_OK || !json_is_object(root))
		return fail(e, RC_BAD_INPUT, "the document is no JSON object");
	r.root = root;
	if ((rc = developer ? read_developer_app(&r) : read_store_app(&r)) != RC_OK || (rc = read_domains(&r)) != RC_OK)
		return rc;
	profile = json_object_get(root, "ConfigurationProfile");
	declarations = json_object_get(root, "Declarations");
	if (declarative && declarations != NULL)
		return read_declarations(&r, declarations);
	if (!json_is_string(profile)) /* Declarations are for later systems */
		return fail(e, RC_BAD_INPUT, "the document has no ConfigurationProfile%s",
		    declarations != NULL ? ", and this system is too old for Declarations" : "");
	rc = read_profile(&r, base64_decode(a, bytes_str(json_string_value(profile)), true));
	out->urls = r.urls.item;
	out->hosts = r.hosts.item;
	return rc;
}

enum rc
device_esso_read_profile(struct arena *a, struct bytes document, struct device_esso *out, struct err *e)
{
	struct reading r = { .a = a, .out = out, .e = e };
	enum rc rc;

	add(a, &r.urls, NULL);
	add(a, &r.hosts, NULL);
	for (const char *const *p = out->urls; p != NULL && *p != NULL; p++)
		add(a, &r.urls, *p);
	for (const char *const *p = out->hosts; p != NULL && *p != NULL; p++)
		add(a, &r.hosts, *p);
	rc = read_profile(&r, document);
	out->urls = r.urls.item;
	out->hosts = r.hosts.item;
	return rc;
}
