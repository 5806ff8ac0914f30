#include "apple/fallback.h"

#include <string.h>

#include "apple/portal.h"
#include "fmt/uri.h"

enum verdict { FOUND, NO_IDENTIFIER, NO_FAMILY, NO_DOMAIN, UNVERIFIED, NO_ACCOUNT, PERSONAL, NO_DEFAULT, NO_URL };
static const struct {
	const char *word, *sentence;
	int status;
} reasons[] = {
	[FOUND] = { "redirected", "sent to the server's registered URL", 302 },
	[NO_IDENTIFIER] = { "no-identifier", "user-identifier is missing, or not user@domain", 400 },
	[NO_FAMILY] = { "no-family", "model-family is missing, or not one that there is", 400 },
	[NO_DOMAIN] = { "no-domain", "no organization has this domain", 403 },
	[UNVERIFIED] = { "domain-unverified", "the organization has not verified this domain", 403 },
	[NO_ACCOUNT] = { "no-account", "the identifier is no Managed Apple Account of the organization", 403 },
	[PERSONAL] = { "personal-account", "the identifier is a personal Apple Account, not a managed one", 403 },
	[NO_DEFAULT] = { "no-default-server", "the organization has no default MDM server for this kind of device",
	    403 },
	[NO_URL] = { "no-url", "the default MDM server has registered no discovery URL", 403 },
};

static bool
anybody_has(struct portal *p, const char *domain)
{
	const char *name;
	json_t *o;

	json_object_foreach(portal_part(p->root, "organizations"), name, o)
	{
		if (json_object_get(portal_part(o, "domains"), domain) != NULL)
			return true;
	}
	return false;
}

static enum verdict
find(struct portal *p, const char *identifier, const char *family, const char **url)
{
	const char *user, *domain, *name, *uuid;
	json_t *organization, *account, *server;
	int i = 0;

	if (identifier == NULL || uri_identifier_split(p->arena, identifier, &user, &domain, NULL) != RC_OK)
		return NO_IDENTIFIER;
	while (portal_families[i] != NULL && (family == NULL || strcmp(portal_families[i], family) != 0))
		i++;
	if (portal_families[i] == NULL)
		return NO_FAMILY;
	if ((organization = portal_organization_of(p, domain, &name)) == NULL)
		return anybody_has(p, domain) ? UNVERIFIED : NO_DOMAIN;
	if ((account = portal_account(organization, identifier)) == NULL)
		return NO_ACCOUNT;
	if (strcmp(portal_word(account, "kind", portal_kinds), "personal") == 0)
		return PERSONAL;
	uuid = json_get_text(portal_part(organization, "defaults"), family);
	if (uuid == NULL || (server = portal_server(p, uuid)) == NULL)
		return NO_DEFAULT;
	*url = json_get_text(server, "mdm_service_discovery_url");
	return *url != NULL ? FOUND : NO_URL;
}

static void
refuse(struct call *c, enum verdict v, struct fallback_answer *out)
{
	out->status = reasons[v].status;
	out->body = json_keep(c->arena,
	    json_pack("{s:s,s:s,s:s}", "code", "com.apple.well-known.failed", "description", reasons[v].sentence,
		"message", "Your Apple Account does not support the expected services on this device."));
}

static void
redirect(struct call *c, struct portal *p, const char *url, const char *query, struct fallback_answer *out)
{
	bool keep = strcmp(portal_word(p->root, "discovery_query", portal_queries), "keep") == 0 && query != NULL;

	out->status = reasons[FOUND].status;
	out->location = !keep ? arena_strdup(c->arena, url)
			      : arena_printf(c->arena, "%s%c%s", url, strchr(url, '?') != NULL ? '&' : '?', query);
}

void
fallback_serve(const struct fallback *f, struct call *c, const char *query, const char *identifier, const char *family,
    struct fallback_answer *out)
{
	const char *subject = identifier != NULL ? identifier : "", *url = NULL;
	struct portal portal;
	struct fault wanted;
	enum verdict v;

	*out = (struct fallback_answer){ .status = 503 };
	if (faults_take(f->faults, c->arena, "discovery", subject, &wanted) && wanted.status != 0) {
		out->status = wanted.status;
		if (wanted.body != NULL)
			(void)json_parse(c->arena, bytes_str(wanted.body), &out->body, NULL);
		diary_write(f->diary, c->now, family != NULL ? family : "", subject, "fault", "%d: a rule wants it so",
		    wanted.status);
		return;
	}
	if (portal_begin(c->arena, f->dir, &portal, &c->err) != RC_OK)
		return;
	if ((v = find(&portal, identifier, family, &url)) == FOUND)
		redirect(c, &portal, url, query, out);
	else
		refuse(c, v, out);
	portal_end(&portal);
	diary_write(f->diary, c->now, family != NULL ? family : "", subject, reasons[v].word, "%s%s%s",
	    reasons[v].sentence, out->location != NULL ? ": " : "", out->location != NULL ? out->location : "");
}
