#include "device/esso.h"

#include <string.h>
#include <strings.h>

#include "device/command.h"
#include "device/esso_document.h"
#include "device/file.h"
#include "device/url.h"
#include "device/volume.h"
#include "fmt/json.h"

#define SESSION_NAME "sso.json"

static bool
since(const struct device *d, unsigned ios, unsigned visionos)
{
	unsigned version = device_version(d->self.os);

	return (d->family->os == DEVICE_IOS && version >= ios) ||
	       (d->family->os == DEVICE_VISIONOS && version >= visionos);
}

bool
device_esso_known(const struct device *d)
{
	return since(d, DEVICE_VERSION(16, 0, 0), DEVICE_VERSION(2, 0, 0));
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
install(struct device *d, const struct device_esso *document)
{
	json_object_set_new(device_managed(d, "apps", false), document->bundle,
	    json_pack("{s:s, s:I}", "Status", "Managed", "ManagementFlags", (json_int_t)0));
	json_array_append_new(device_managed(d, "profiles", true),
	    json_pack("{s:s, s:s, s:s}", "identifier", document->identifier, "uuid", document->uuid, "name",
		document->name != NULL ? document->name : document->identifier));
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
	rc = device_esso_read(d->arena, fetched.body, developer,
	    since(d, DEVICE_VERSION(18, 4, 0), DEVICE_VERSION(2, 4, 0)), &document, &d->err);
	if (rc != RC_OK)
		return fail_in(&d->err, rc, "the Enrollment SSO document");
	if (document.declarations)
		return fail(&d->err, RC_FORBIDDEN,
		    "the Enrollment SSO document has declarations, which this simulated device can't install");
	story_step(&d->story, "esso-agreed", "The person agrees to install it");
	d->self.phase = DEVICE_ENROLLING; /* from here on there is something to take away */
	if ((rc = device_save(d)) != RC_OK || (rc = device_volume_create(d->arena, d->dir, &d->err)) != RC_OK)
		return rc;
	d->en.managed = json_keep(d->arena, json_object());
	install(d, &document);
	d->en.esso = developer ? "developer" : "standard";
	d->en.esso_urls = document.urls;
	d->en.esso_hosts = document.hosts;
	story_step(&d->story, "volume-created", "Made the managed volume; everything of the enrollment lives in it");
	story_step(&d->story, "esso-installed", "Installed the app and its profile in it");
	story_detail(&d->story, "app", "%s", document.bundle);
	story_detail(&d->story, "extension", "%s", document.extension);
	story_detail(&d->story, "profile", "%s, %d certificates", document.identifier, document.certificates);
	return device_save_enrollment(d);
}

/* ---- the session ---- */

enum rc
device_esso_keep(struct device *d, const char *identifier, const char *password)
{
	json_t *o = json_keep(d->arena, json_pack("{s:s, s:s}", "identifier", identifier, "password", password));

	if (o == NULL)
		return fail(&d->err, RC_BAD_INPUT, "identifier or password is not UTF-8");
	return device_file_write(d->dir, SESSION_NAME, json_text(d->arena, o, 0), &d->err);
}

enum rc
device_esso_forget(struct device *d)
{
	return device_file_destroy(d->dir, SESSION_NAME, &d->err);
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
	rc = d->dir != NULL ? device_file_read(d->arena, d->dir, SESSION_NAME, &text, &d->err) : RC_NOT_FOUND;
	if (rc == RC_OK)
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
