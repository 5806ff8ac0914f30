#include "discovery/discovery.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "account/organization.h"
#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/rule.h"
#include "fmt/uri.h"

static enum rc
refuse(struct discovery_answer *out, enum enroll_code code, const char *message)
{
	out->code = code;
	out->message = message != NULL ? message : enroll_failure(code)->person;
	return RC_OK;
}

static char *
lower(struct arena *a, const char *s)
{
	char *p = arena_strdup(a, s);

	for (char *q = p; *q != '\0'; q++)
		*q = (char)tolower((unsigned char)*q);
	return p;
}

/* By the identifier's domain, else by the path that was registered at Apple, else by the host that was asked, else the
 * only one there is: Apple's redirect may come without a query, and to any name of ours (protocol 2.6). */
static enum rc
find_organization(struct call *c, const char *domain, const struct discovery_request *in, struct organization *out)
{
	const char *host = in->host;
	struct organization *all;
	struct uri own;
	enum rc rc;
	int n;

	if (domain != NULL)
		return organization_by_domain(c, domain, out);
	if (in->organization_id != NULL)
		return organization_get(c, in->organization_id, out);
	if (host != NULL) {
		if ((rc = organization_by_domain(c, host, out)) != RC_NOT_FOUND)
			return rc;
	}
	if (host != NULL && uri_parse(c->arena, c->conf->url, &own, &c->err) == RC_OK &&
	    strcasecmp(own.host, host) != 0)
		return fail(&c->err, RC_NOT_FOUND, "no identifier, and the host is nobody's domain");
	if ((rc = organization_list(c, &all, &n)) != RC_OK)
		return rc;
	if (n != 1)
		return fail(&c->err, RC_NOT_FOUND, "no identifier, and more than one organization");
	*out = all[0];
	return RC_OK;
}

/* The device does not re-attach its query (protocol 2.2). */
static const char *
redirect_location(struct arena *a, const char *url, const struct discovery_request *in)
{
	const char *separator = strchr(url, '?') == NULL ? "?" : "&";

	if (in->user_identifier != NULL) {
		url = arena_printf(a, "%s%suser-identifier=%s", url, separator, uri_encode(a, in->user_identifier));
		separator = "&";
	}
	if (in->model_family != NULL)
		url = arena_printf(a, "%s%smodel-family=%s", url, separator, uri_encode(a, in->model_family));
	return url;
}

static enum rc
enroll_here(struct call *c, const struct rule *rule, const struct rule_subject *s, struct discovery_answer *out)
{
	struct attempt_seal seal = { c->now, s->user_identifier, s->model_family, rule->id };
	const char *sealed;
	enum rc rc;

	if ((rc = attempt_seal(c, &seal, &sealed)) != RC_OK)
		return rc;
	out->code = EV_discovered;
	out->version = arena_printf(c->arena, "mdm-%s", rule->outcome);
	out->base_url =
	    arena_printf(c->arena, "%s/enroll/%s/%s/%s", c->conf->url, out->organization_id, rule->outcome, sealed);
	return RC_OK;
}

enum rc
discovery_answer(struct call *c, const struct discovery_request *in, struct discovery_answer *out)
{
	struct rule_subject subject = { .model_family = in->model_family };
	struct organization o = { 0 };
	struct account person;
	struct rule rule;
	const char *user;
	enum rc rc;

	*out = (struct discovery_answer){ .organization_id = "" };
	if (in->user_identifier != NULL) {
		if (strlen(in->user_identifier) > ATTEMPT_IDENTIFIER_MAX ||
		    uri_identifier_split(c->arena, in->user_identifier, &user, &subject.domain, &c->err) != RC_OK)
			return refuse(out, EV_discovery_bad_identifier, NULL);
		subject.user_identifier = lower(c->arena, in->user_identifier);
	}
	if ((rc = find_organization(c, subject.domain, in, &o)) == RC_NOT_FOUND)
		return refuse(out, EV_discovery_unknown_domain, NULL);
	if (rc != RC_OK)
		return rc;
	out->organization_id = o.id;
	if (subject.user_identifier != NULL) {
		if ((rc = account_find(c, subject.user_identifier, &person)) == RC_OK)
			subject.account = &person;
		else if (rc != RC_NOT_FOUND)
			return rc;
	}
	if ((rc = rule_decide(c, o.id, &subject, &rule)) == RC_NOT_FOUND)
		return refuse(out, EV_discovery_no_rule, NULL);
	if (rc != RC_OK)
		return rc;
	if (strcmp(rule.outcome, "refuse") == 0)
		return refuse(out, EV_discovery_refused_by_rule, rule.message);
	if (strcmp(rule.outcome, "redirect") == 0) {
		out->code = EV_discovery_redirected;
		out->location = redirect_location(c->arena, rule.redirect_url, in);
		return RC_OK;
	}
	return enroll_here(c, &rule, &subject, out);
}
