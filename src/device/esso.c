#include "device/esso.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "device/app.h"
#include "device/ddm.h"
#include "device/esso_document.h"
#include "base/disk.h"
#include "device/url.h"
#include "separation/volume.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define SESSION_NAME "sso.json"

bool
device_esso_known(const struct device *d)
{
	return device_can(d, DEVICE_ESSO);
}

/* ---- the document ---- */

static enum rc
fetch(struct device *d, const char *url, struct http_client_answer *answer)
{
	static const char *const headers[] = { "Accept: application/json", "Accept-Language: en", NULL };
	struct http_client_request request = { .method = "GET", .url = url, .headers = headers, .follow = true };
	json_t *root;

	if (!device_url_is(url, "https"))
		return fail(&d->err, RC_BAD_INPUT, "error 15003: the Enrollment SSO URL is not https: %.200s", url);
	switch (device_exchange(d, d->arena, DEVICE_AGENT_MANAGEMENT, &request, answer)) {
	case RC_OK:
		break;
	case RC_BAD_INPUT:
		return fail_in(&d->err, RC_BAD_INPUT, "error 15003: the Enrollment SSO URL");
	default:
		return fail_in(&d->err, RC_UNAVAILABLE, "error 15026: the Enrollment SSO document did not come");
	}
	if (answer->status != 200)
		return fail(&d->err, RC_UNAVAILABLE, "error 15003: the Enrollment SSO document was answered %d",
		    answer->status);
	if (answer->type == NULL || strcmp(answer->type, "application/json") != 0)
		return fail(&d->err, RC_BAD_INPUT, "error 15027: the Enrollment SSO document has the media type %s",
		    answer->type != NULL ? answer->type : "none");
	if (json_parse(d->arena, answer->body, &root, &d->err) != RC_OK || !json_is_object(root))
		return fail(&d->err, RC_BAD_INPUT, "error 15027: the Enrollment SSO document is no JSON object");
	return RC_OK;
}

/* App and profile, as management of later knows them. */
static void
install_profile(struct device *d, const struct device_esso *document)
{
	struct device_app app = { .bundle = document->bundle, .name = document->bundle, .version = "1.0" };

	device_app_manage(d, &app, "Managed", 0);
	json_array_append_new(device_managed(d, "profiles", true),
	    json_pack("{s:s, s:s, s:s}", "identifier", document->identifier, "uuid", document->uuid, "name",
		document->name != NULL ? document->name : document->identifier));
	story_detail(&d->story, "app", "%s", document->bundle);
	story_detail(&d->story, "extension", "%s", document->extension);
	story_detail(&d->story, "profile", "%s, %d certificates", document->identifier, document->certificates);
}

/* What the profiles that declarations brought have for the extensions of a declared app.
 * RC_NOT_FOUND: there is no such profile or no app. */
static enum rc
gather(struct device *d, struct device_esso *out)
{
	json_t *profile, *app;
	const char *bundle;
	bool found = false;
	enum rc rc;
	size_t i;

	json_object_foreach(device_managed(d, "declared-apps", false), bundle, app)
	{
		if (strcmp(json_get_text(app, "state"), "managed") == 0)
			out->bundle = bundle;
	}
	json_array_foreach(device_managed(d, "profiles", true), i, profile)
	{
		const char *document = json_get_text(profile, "document");

		if (json_object_get(profile, "declaration") == NULL || document == NULL)
			continue;
		rc = device_esso_read_profile(
		    d->arena, base64_decode(d->arena, bytes_str(document), true), out, &d->err);
		if (rc != RC_OK && d->self.phase == DEVICE_ENROLLING)
			return fail_in(&d->err, rc, "the declared profile %s", json_get_text(profile, "identifier"));
		found = found || rc == RC_OK;
	}
	if (out->bundle != NULL && found)
		return RC_OK;
	return fail(&d->err, RC_NOT_FOUND, "there is no SSO app, or no profile for it");
}

/* All of them must be in force, or there is no Enrollment SSO. */
static enum rc
install_declarations(struct device *d, struct device_esso *document)
{
	struct device_ddm m;
	const char *identifier;
	json_t *item;
	enum rc rc;
	size_t i;

	device_ddm_turn_on(d, DEVICE_CHANNEL_DEVICE);
	m = device_ddm_open(d, d->arena, DEVICE_CHANNEL_DEVICE, clock_now());
	json_array_foreach(document->documents, i, item)
	{
		/* Without a token it can't be the one that the server lists later. */
		if (json_get_text(item, "ServerToken") == NULL)
			json_object_set_new(item, "ServerToken", json_string("none"));
		if ((rc = device_ddm_keep(&m, NULL, json_get_text(item, "Identifier"), item)) != RC_OK)
			return rc;
	}
	device_ddm_judge(&m);
	device_ddm_apply(&m);
	json_object_foreach(json_object_get(m.kept, "declarations"), identifier, item)
	{
		const json_t *status = json_object_get(item, "status");
		const json_t *reason = json_array_get(json_object_get(status, "reasons"), 0);

		if (!json_is_true(json_object_get(status, "active")))
			return fail(&d->err, RC_FORBIDDEN, "the declaration %s is not in force: %s", identifier,
			    reason != NULL ? json_get_text(reason, "description") : "nothing refers to it");
	}
	if (gather(d, document) != RC_OK)
		return fail_in(&d->err, RC_FORBIDDEN, "Enrollment SSO by declarations");
	d->en.esso_declared = true;
	return RC_OK;
}

void
device_esso_review(struct device *d)
{
	struct device_esso now = { 0 };

	if (!d->en.esso_declared)
		return;
	if (gather(d, &now) == RC_OK) {
		d->en.esso_urls = now.urls;
		d->en.esso_hosts = now.hosts;
		return;
	}
	d->en.esso = NULL;
	d->en.esso_declared = false;
	story_step(&d->story, "esso-lost", "The server's declarations have no SSO app and profile any more");
}

enum rc
device_esso_install(struct device *d, const struct http_client_answer *answer, bool developer)
{
	const char *url = http_client_header(answer, developer ? "X-Apple-MDM-ESSO-Developer" : "X-Apple-MDM-ESSO");
	struct http_client_answer fetched = { 0 };
	struct device_esso document;
	enum rc rc;

	if (url == NULL || !device_esso_known(d))
		return RC_OK;
	story_step(&d->story, "esso-document", "The organization signs people in by an app: read which one");
	story_detail(&d->story, "mode", "%s", developer ? "developer" : "standard");
	if ((rc = fetch(d, url, &fetched)) != RC_OK)
		return rc;
	rc = device_esso_read(
	    d->arena, fetched.body, developer, device_can(d, DEVICE_ESSO_DECLARATIONS), &document, &d->err);
	if (rc != RC_OK)
		return fail_in(&d->err, rc, "the Enrollment SSO document");
	story_step(&d->story, "esso-agreed", "The person agrees to install it");
	d->self.phase = DEVICE_ENROLLING; /* from here on there is something to take away */
	if ((rc = device_save(d)) != RC_OK ||
	    (rc = separation_volume_create(d->arena, d->dir, SEPARATION_MANAGED, &d->err)) != RC_OK)
		return rc;
	d->en.managed = json_keep(d->arena, json_object());
	story_step(&d->story, "volume-created", "Made the managed volume; everything of the enrollment lives in it");
	story_step(&d->story, "esso-installed", "Install the app and its profile in it");
	if (!document.declarations)
		install_profile(d, &document);
	else if ((rc = install_declarations(d, &document)) != RC_OK)
		return rc;
	d->en.esso = developer ? "developer" : "standard";
	d->en.esso_urls = document.urls;
	d->en.esso_hosts = document.hosts;
	return device_save_enrollment(d);
}

/* ---- the session ---- */

/* The app's own: in the managed volume from the moment when an enrollment brings the app. Until then it waits in a file
 * of the person. */
#define SESSION_PART "sso"

static enum rc
keep_in_app(struct device *d, struct bytes session)
{
	enum rc rc = separation_volume_write(d->arena, d->dir, SEPARATION_MANAGED, SESSION_PART, session, &d->err);

	return rc == RC_OK ? disk_destroy(d->dir, SESSION_NAME, &d->err) : rc;
}

enum rc
device_esso_keep(struct device *d, const char *identifier, const char *password)
{
	json_t *o = json_keep(d->arena, json_pack("{s:s, s:s}", "identifier", identifier, "password", password));
	struct bytes session;

	if (o == NULL)
		return fail(&d->err, RC_BAD_INPUT, "identifier or password is not UTF-8");
	session = json_text(d->arena, o, 0);
	return d->en.esso != NULL ? keep_in_app(d, session) : disk_write(d->dir, SESSION_NAME, session, &d->err);
}

enum rc
device_esso_forget(struct device *d)
{
	return d->en.esso != NULL ? keep_in_app(d, bytes_str("{}")) : disk_destroy(d->dir, SESSION_NAME, &d->err);
}

/* RC_NOT_FOUND: there is none. */
static enum rc
read_session(struct device *d, struct bytes *session)
{
	enum rc rc;

	if (d->dir == NULL)
		return RC_NOT_FOUND;
	rc = disk_read(d->arena, d->dir, SESSION_NAME, session, &d->err);
	if (rc == RC_NOT_FOUND)
		return separation_volume_read(d->arena, d->dir, SEPARATION_MANAGED, SESSION_PART, session, &d->err);
	return rc == RC_OK ? keep_in_app(d, *session) : rc;
}

enum rc
device_esso_answers(struct device *d, struct device_person *person)
{
	const char *identifier;
	struct bytes text;
	json_t *o;
	enum rc rc;

	if (d->en.esso == NULL)
		return fail(&d->err, RC_NOT_FOUND, "no SSO app is installed");
	if ((rc = read_session(d, &text)) == RC_OK)
		rc = json_parse(d->arena, text, &o, &d->err);
	identifier = rc == RC_OK ? json_get_text(o, "identifier") : NULL;
	if (identifier == NULL || strcasecmp(identifier, d->en.identifier) != 0)
		return fail(&d->err, RC_NOT_FOUND,
		    "the SSO app holds no session of %s: run `postern-device sso signin %s --state %s "
		    "--password-stdin`",
		    d->en.identifier, d->en.identifier, d->dir != NULL ? d->dir : "DIR");
	*person = (struct device_person){ .identifier = d->en.identifier,
		.password = json_get_text(o, "password"),
		.extension = { true, d->en.esso_urls, d->en.esso_hosts } };
	return RC_OK;
}
