#include "admin/routes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "assignment/assignment.h"
#include "fmt/base64.h"

#define TOKEN_DAYS 60

static enum rc
one(struct admin_call *x, struct organization *o)
{
	return admin_organization(x, x->r->segment[0], o);
}

static bool
offered(const struct assignment_service *s)
{
	const json_t *url;
	size_t i;

	json_array_foreach(json_object_get(s->account, "urls"), i, url)
	{
		const char *uri = json_get_text(url, "uri");

		if (uri != NULL && strcmp(uri, ASSIGNMENT_PROFILE) == 0)
			return true;
	}
	return false;
}

static enum rc
put_service(struct admin_call *x, const char *organization_id)
{
	static const char *const details[] = { "server_name", "org_name", "org_type", "org_version", "org_id",
		"org_email", "org_phone", "org_address", "admin_id" };
	struct assignment_service s;
	enum rc rc = assignment_service_get(x->c, organization_id, &s);

	if (rc != RC_OK)
		return rc;
	x->out = admin_object(x);
	for (size_t i = 0; i < sizeof details / sizeof details[0]; i++)
		admin_put_text(x->out, details[i], json_get_text(s.account, details[i]));
	admin_put_text(x->out, "server_uuid", s.server_uuid);
	admin_put_time(x->out, "expires_at", s.expires_at);
	admin_put_flag(x->out, "discovery_offered", offered(&s));
	admin_put_text(x->out, "discovery_url", s.discovery_url);
	admin_put_text(x->out, "found_url", s.found_url);
	admin_put_time(x->out, "checked_at", s.checked_at);
	admin_put_text(x->out, "trouble", s.trouble);
	admin_put_int(x->out, "clock_off_s", s.clock_off_s);
	return RC_OK;
}

enum rc
admin_assignment_get(struct admin_call *x)
{
	struct organization o;
	enum rc rc = one(x, &o);

	return rc == RC_OK ? put_service(x, o.id) : rc;
}

enum rc
admin_assignment_token_put(struct admin_call *x)
{
	struct bytes file = base64_decode(x->c->arena, bytes_str(admin_text(x, "token")), false);
	struct organization o;
	enum rc rc;

	if (file.p == NULL)
		return fail(&x->c->err, RC_BAD_INPUT, "token is base64 of the file");
	if ((rc = one(x, &o)) != RC_OK || (rc = assignment_token_set(x->c, o.id, file)) != RC_OK)
		return rc;
	return put_service(x, o.id);
}

enum rc
admin_assignment_discovery_get(struct admin_call *x)
{
	const char *url, *since;
	struct assignment_service s;
	struct organization o;
	enum rc rc;

	if ((rc = one(x, &o)) != RC_OK || (rc = assignment_discovery_get(x->c, o.id, &url, &since)) != RC_OK ||
	    (rc = assignment_service_get(x->c, o.id, &s)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "url", url);
	admin_put_text(x->out, "since", since);
	admin_put_flag(x->out, "ours", url != NULL && s.discovery_url != NULL && strcmp(url, s.discovery_url) == 0);
	return RC_OK;
}

enum rc
admin_assignment_discovery_put(struct admin_call *x)
{
	const char *url = admin_text(x, "url");
	struct organization o;
	enum rc rc;

	if ((rc = one(x, &o)) != RC_OK || (rc = assignment_discovery_set(x->c, o.id, url)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "url", url != NULL ? url : assignment_own_url(x->c, o.id));
	return RC_OK;
}

enum rc
admin_assignment_discovery_remove(struct admin_call *x)
{
	struct organization o;
	enum rc rc = one(x, &o);

	return rc == RC_OK ? assignment_discovery_remove(x->c, o.id) : rc;
}

enum rc
admin_assignment_warnings(struct admin_call *x, const struct organization *o, json_t *out)
{
	struct assignment_service s;
	int64_t days;
	enum rc rc = assignment_service_get(x->c, o->id, &s);

	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if (o->server_uuid != NULL && strcasecmp(o->server_uuid, s.server_uuid) != 0)
		json_array_append_new(
		    out, json_sprintf(
			     "GetToken is answered in the name of %s, but Apple knows this server as %s: postern org"
			     " set --server-uuid %s",
			     o->server_uuid, s.server_uuid, s.server_uuid));
	days = (s.expires_at - x->c->now) / 86400;
	if (s.trouble != NULL)
		json_array_append_new(out, json_sprintf("Apple's Device Assignment Services: %s", s.trouble));
	if (s.expires_at != 0 && days < TOKEN_DAYS)
		json_array_append_new(
		    out, s.expires_at <= x->c->now
			     ? json_string(
				   "the server token of Apple has expired: download a new one, then postern apple setup"
				   " --token-file FILE")
			     : json_sprintf(
				   "the server token of Apple ends in %d days: download a new one, then postern apple"
				   " setup --token-file FILE",
				   (int)days));
	if (o->server_uuid != NULL && strcasecmp(o->server_uuid, s.server_uuid) != 0)
		json_array_append_new(
		    out, json_sprintf(
			     "the server UUID was set to %s, but Apple's is %s: tokens of GetToken are refused (postern"
			     " org set --server-uuid %s)",
			     o->server_uuid, s.server_uuid, s.server_uuid));
	if (s.clock_off_s != 0)
		json_array_append_new(
		    out, json_sprintf(
			     "this server's clock is %lld seconds %s Apple's: tokens of GetToken may be refused (set it"
			     " by NTP)",
			     llabs(s.clock_off_s), s.clock_off_s < 0 ? "behind" : "ahead of"));
	if (s.discovery_url != NULL && (s.found_url == NULL || strcmp(s.found_url, s.discovery_url) != 0))
		json_array_append_new(out,
		    s.found_url == NULL
			? json_string("Apple has no discovery URL of this server any more: postern apple discovery set")
			: json_sprintf(
			      "Apple has another discovery URL (%s) than was registered here (%s): postern apple"
			      " discovery set, if it is to be this one",
			      s.found_url, s.discovery_url));
	return RC_OK;
}
