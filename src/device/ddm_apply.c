/* What active configurations do on the device. */
#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "device/app.h"
#include "device/ddm.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"

struct effect { /* of one configuration */
	struct device_ddm *m;
	const char *identifier, *type;
	json_t *declaration;
	const json_t *payload;
	const char *thing; /* what there is now because of it; NULL: nothing that has a name */
};

/* Data of a declaration: by the rules of the MDM server, that is with the identity as TLS client certificate; and with
 * the bearer where it is the server's own address, since the token is for nobody else. */
static enum rc
download(struct device_ddm *m, const char *url, struct http_client_answer *answer)
{
	struct device *d = m->d;
	const char *headers[2] = { NULL, NULL };
	struct http_client_request request = { .method = "GET", .url = url, .headers = headers };
	enum device_agent agent = d->en.key.p != NULL ? DEVICE_AGENT_MDM : DEVICE_AGENT_MANAGEMENT;
	enum rc rc;

	if (!device_url_is(url, "https"))
		return fail(&d->err, RC_BAD_INPUT, "the address is not https: %.200s", url);
	if (!device_is_strict(d, DEVICE_BARE_ASSETS) && d->en.access_token != NULL &&
	    device_mdm_bearer(d->family, m->channel) && d->profile.server_url != NULL &&
	    strcmp(device_url_origin(m->a, url), device_url_origin(m->a, d->profile.server_url)) == 0)
		headers[0] = arena_printf(m->a, "Authorization: Bearer %s", d->en.access_token);
	if ((rc = device_exchange(d, m->a, agent, &request, answer)) != RC_OK)
		return rc;
	if (answer->status != 200)
		return fail(
		    &d->err, RC_UNAVAILABLE, "%s was answered %d", device_url_masked(m->a, url), answer->status);
	return RC_OK;
}

/* ---- profiles ---- */

static json_t *
apply_profile(struct effect *f)
{
	struct device_ddm *m = f->m;
	struct device_configuration profile;
	struct http_client_answer answer = { 0 };
	const char *url = json_get_text(f->payload, "ProfileURL");

	if (download(m, url, &answer) != RC_OK ||
	    device_configuration_read(m->a, answer.body, &profile, &m->d->err) != RC_OK)
		return device_ddm_reason("Error.ConfigurationCannotBeApplied", NULL, "%s", m->d->err.text);
	if (m->d->profile.identifier != NULL && strcmp(profile.identifier, m->d->profile.identifier) == 0)
		return device_ddm_reason(
		    "Error.ConfigurationCannotBeApplied", NULL, "the enrollment profile comes by no declaration");
	switch (device_configuration_install(m->d, m->a, &m->rules, &profile, f->identifier)) {
	case DEVICE_ERROR_NONE:
		f->thing = profile.identifier;
		return NULL;
	case DEVICE_ERROR_NOT_AUTHORIZED:
		return device_ddm_reason("Error.ConfigurationIsInvalid", NULL, "%s", m->d->err.text);
	default:
		return device_ddm_reason("Error.ConfigurationAlreadyPresent", NULL, "%s", m->d->err.text);
	}
}

static void
undo_profile(struct device_ddm *m, const char *identifier, const char *thing)
{
	(void)identifier;
	device_configuration_remove(m->d, thing, true);
}

/* ---- apps ---- */

static json_t *
apply_app(struct effect *f)
{
	return device_app_declare(f->m->d, f->m->a, f->identifier, f->payload, &f->thing);
}

static void
undo_app(struct device_ddm *m, const char *identifier, const char *thing)
{
	device_app_undeclare(m->d, identifier, thing);
}

/* ---- others ---- */

/* It is for tests of servers, and does what it is told. */
static json_t *
apply_test(struct effect *f)
{
	const char *status = json_get_text(f->payload, "ReturnStatus");

	if (status != NULL && strcmp(status, "Failed") == 0)
		return device_ddm_reason("Error.ConfigurationCannotBeApplied", NULL, "ReturnStatus is Failed");
	return NULL;
}

/* Accounts, passcode rules, certificates: kept as they are. */
static json_t *
apply_setting(struct effect *f)
{
	json_object_set_new(device_managed(f->m->d, "settings", false), f->identifier,
	    json_pack("{s:s, s:O}", "Type", f->type, "Payload", f->payload));
	return NULL;
}

static void
undo_setting(struct device_ddm *m, const char *identifier, const char *thing)
{
	(void)thing;
	json_object_del(device_managed(m->d, "settings", false), identifier);
}

static const struct kind {
	const char *begins; /* of the Type */
	json_t *(*apply)(struct effect *f); /* NULL: done; else why not (a new reference) */
	void (*undo)(struct device_ddm *m, const char *identifier, const char *thing); /* NULL: nothing is left */
	bool again; /* looked at each time: it may go otherwise than before */
} kinds[] = {
	/* clang-format off */
	{ "com.apple.configuration.legacy",      apply_profile, undo_profile, false },
	{ "com.apple.configuration.app.managed", apply_app,     undo_app,     true },
	{ "com.apple.configuration.management.", apply_test,    NULL,         false },
	{ "",                                    apply_setting, undo_setting, false },
	/* clang-format on */
};

static const struct kind *
kind_of(const char *type)
{
	size_t i = 0;

	while (strncmp(kinds[i].begins, type, strlen(kinds[i].begins)) != 0)
		i++;
	return &kinds[i];
}

static void
undo(struct device_ddm *m, const char *identifier, const json_t *effect)
{
	const char *thing = json_get_text(effect, "thing");
	const struct kind *kind = kind_of(json_get_text(effect, "Type"));

	if (kind->undo == NULL || (kind->undo != undo_setting && thing == NULL))
		return;
	kind->undo(m, identifier, thing);
	story_step(&m->d->story, "ddm-undone", "Undid %s", identifier);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* ---- data of assets ---- */

/* The data of an asset must be what its Reference says. */
static json_t *
check_asset(struct device_ddm *m, const json_t *reference)
{
	const char *url = json_get_text(reference, "DataURL"), *type = json_get_text(reference, "ContentType");
	const char *hash = json_get_text(reference, "Hash-SHA-256");
	int64_t size = json_get_int(reference, "Size", -1);
	struct http_client_answer answer = { 0 };
	const char *wrong = NULL;

	if (download(m, url, &answer) != RC_OK)
		return device_ddm_reason("Error.AssetCannotBeDownloaded", NULL, "%s", m->d->err.text);
	if (type != NULL && !same(answer.type, type))
		wrong = "ContentType";
	else if (size >= 0 && (size_t)size != answer.body.n)
		wrong = "Size";
	else if (hash != NULL && strcasecmp(hash, hex_encode(m->a, crypto_sha256(m->a, answer.body))) != 0)
		wrong = "Hash-SHA-256";
	return wrong != NULL ? device_ddm_reason("Error.AssetCannotBeVerified", NULL, "%s does not match", wrong)
			     : NULL;
}

static void
fetch_asset(struct device_ddm *m, const char *identifier, json_t *asset)
{
	const json_t *reference =
	    json_object_get(json_object_get(json_object_get(asset, "document"), "Payload"), "Reference");
	json_t *effects = json_object_get(m->kept, "effects"), *why;
	const char *token = json_get_text(asset, "ServerToken");

	if (reference == NULL || same(json_get_text(json_object_get(effects, identifier), "ServerToken"), token))
		return;
	if ((why = check_asset(m, reference)) != NULL)
		device_ddm_fail(asset, true, why);
	else
		json_object_set_new(effects, identifier,
		    json_pack("{s:s, s:s}", "Type", "com.apple.configuration.management.asset", "ServerToken", token));
}

/* An asset whose data are not what they should be is no use to what names it. */
static bool
assets_are_good(struct device_ddm *m, json_t *declaration)
{
	json_t *wanted = json_keep(m->a, json_object()), *item;
	const char *name;

	device_ddm_assets(json_object_get(json_object_get(declaration, "document"), "Payload"), wanted);
	json_object_foreach(wanted, name, item)
	{
		if (device_ddm_is_active(json_object_get(json_object_get(m->kept, "declarations"), name)))
			continue;
		device_ddm_fail(declaration, true,
		    device_ddm_reason("Error.MissingAssets", json_pack("{s:[s]}", "AssetIdentifiers", name),
			"the data of the asset %s can't be used", name));
		return false;
	}
	return true;
}

/* What was there before stays until the new one is in its place. */
static void
apply(struct device_ddm *m, const char *identifier, json_t *declaration)
{
	const json_t *document = json_object_get(declaration, "document");
	struct effect f = { .m = m,
		.identifier = identifier,
		.type = json_get_text(document, "Type"),
		.declaration = declaration,
		.payload = json_object_get(document, "Payload") };
	json_t *effects = json_object_get(m->kept, "effects"), *before = json_object_get(effects, identifier), *why;
	const struct kind *kind = kind_of(f.type);
	bool known =
	    before != NULL && same(json_get_text(before, "ServerToken"), json_get_text(declaration, "ServerToken"));

	if (!assets_are_good(m, declaration) || (known && !kind->again))
		return;
	if ((why = kind->apply(&f)) != NULL) {
		device_ddm_fail(declaration, true, why);
		story_step(&m->d->story, "ddm-failed", "%s can't be applied", identifier);
		story_detail(&m->d->story, "because", "%s", json_get_text(why, "description"));
		return;
	}
	if (before != NULL &&
	    !(same(json_get_text(before, "thing"), f.thing) && same(json_get_text(before, "Type"), f.type)))
		undo(m, identifier, before);
	json_object_set_new(effects, identifier,
	    json_pack("{s:s, s:s, s:s*}", "Type", f.type, "ServerToken", json_get_text(declaration, "ServerToken"),
		"thing", f.thing));
	if (!known)
		story_step(&m->d->story, "ddm-applied", "Applied %s", identifier);
}

/* ---- all ---- */

void
device_ddm_apply(struct device_ddm *m)
{
	json_t *declarations = json_object_get(m->kept, "declarations"), *declaration, *effect;
	const char *identifier;
	void *next;

	json_object_foreach(declarations, identifier, declaration)
	{
		if (strcmp(json_get_text(declaration, "kind"), "assets") == 0 && device_ddm_is_active(declaration))
			fetch_asset(m, identifier, declaration);
	}
	json_object_foreach_safe(json_object_get(m->kept, "effects"), next, identifier, effect)
	{
		if (device_ddm_is_active(json_object_get(declarations, identifier)))
			continue;
		undo(m, identifier, effect);
		json_object_del(json_object_get(m->kept, "effects"), identifier);
	}
	json_object_foreach(declarations, identifier, declaration)
	{
		if (strcmp(json_get_text(declaration, "kind"), "configurations") == 0 &&
		    device_ddm_is_active(declaration))
			apply(m, identifier, declaration);
	}
}
