#include "admin/routes.h"

#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "enroll/attempt.h"
#include "enroll/rule.h"
#include "fmt/uri.h"

static json_t *
rule_json(const struct rule *r)
{
	json_t *j = json_object();

	admin_put_text(j, "id", r->id);
	admin_put_text(j, "organization", r->organization_id);
	admin_put_int(j, "position", r->position);
	admin_put_text(j, "domain", r->domain);
	admin_put_text(j, "user", r->user_glob);
	admin_put_text(j, "group", r->group);
	admin_put_text(j, "model_family", r->model_family);
	admin_put(j, "percent", r->percent >= 0 ? json_integer(r->percent) : json_null());
	admin_put_text(j, "outcome", r->outcome);
	admin_put_text(j, "redirect_url", r->redirect_url);
	admin_put_text(j, "message", r->message);
	admin_put_text(j, "method", r->method);
	admin_put_text(j, "identity", r->identity);
	return j;
}

static enum rc
organization_of(struct admin_call *x, struct organization *o)
{
	const char *id = admin_text(x, "organization");

	return admin_organization(x, id != NULL ? id : admin_query(x, "organization"), o);
}

enum rc
admin_rule_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct organization o;
	struct rule *rules;
	enum rc rc;
	int n;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = rule_list(x->c, o.id, &rules, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, rule_json(&rules[i]));
	return RC_OK;
}

enum rc
admin_rule_add(struct admin_call *x)
{
	struct organization o;
	struct rule r = {
		.position = admin_int(x, "position", 0),
		.domain = admin_text(x, "domain"),
		.user_glob = admin_text(x, "user"),
		.group = admin_text(x, "group"),
		.model_family = admin_text(x, "model_family"),
		.percent = admin_int(x, "percent", -1),
		.outcome = admin_text(x, "outcome"),
		.redirect_url = admin_text(x, "redirect_url"),
		.message = admin_text(x, "message"),
		.method = admin_text(x, "method"),
		.identity = admin_text(x, "identity"),
	};
	struct rule *rules;
	enum rc rc;
	int n;

	if ((rc = organization_of(x, &o)) != RC_OK)
		return rc;
	r.organization_id = o.id;
	if ((rc = rule_add(x->c, &r)) != RC_OK || (rc = rule_list(x->c, o.id, &rules, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (strcmp(rules[i].id, r.id) == 0)
			x->out = json_keep(x->c->arena, rule_json(&rules[i]));
	}
	x->status = 201;
	return RC_OK;
}

/* A rule by its id, or by its number in the list. */
static enum rc
find(struct admin_call *x, const char *organization_id, const char *name, struct rule *out)
{
	bool number = strlen(name) < 6 && name[strspn(name, "0123456789")] == '\0';
	struct rule *rules;
	enum rc rc;
	int n;

	if ((rc = rule_list(x->c, organization_id, &rules, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (number ? rules[i].position == strtol(name, NULL, 10) : strcmp(rules[i].id, name) == 0) {
			*out = rules[i];
			return RC_OK;
		}
	}
	return fail(&x->c->err, RC_NOT_FOUND, "%s has no rule %.40s (postern rule list)", organization_id, name);
}

enum rc
admin_rule_move(struct admin_call *x)
{
	struct organization o;
	struct rule r;
	enum rc rc;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = find(x, o.id, x->r->segment[0], &r)) != RC_OK)
		return rc;
	if ((rc = rule_move(x->c, o.id, r.id, admin_int(x, "position", 0))) != RC_OK ||
	    (rc = find(x, o.id, r.id, &r)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, rule_json(&r));
	return RC_OK;
}

enum rc
admin_rule_remove(struct admin_call *x)
{
	struct organization o = { 0 };
	struct rule r = { 0 };
	enum rc rc;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = find(x, o.id, x->r->segment[0], &r)) != RC_OK ||
	    (rc = rule_remove(x->c, o.id, r.id)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, rule_json(&r));
	return RC_OK;
}

/* ---- explaining ---- */

/* The same steps as a device's question, with each rule's reason. Nothing is written. */
static enum rc
subject(struct admin_call *x, struct organization *o, struct rule_subject *s, struct account *person)
{
	struct call *c = x->c;
	const char *user = admin_query(x, "user"), *name;
	enum rc rc;

	*s = (struct rule_subject){ .model_family = admin_query(x, "model-family") };
	if (user == NULL)
		return organization_of(x, o);
	if (strlen(user) > ATTEMPT_IDENTIFIER_MAX)
		return fail(&c->err, RC_BAD_INPUT, "a user identifier has at most %d octets", ATTEMPT_IDENTIFIER_MAX);
	if ((rc = uri_identifier_split(c->arena, user, &name, &s->domain, &c->err)) != RC_OK)
		return rc;
	s->user_identifier = account_fold(c->arena, user);
	if ((rc = organization_by_domain(c, s->domain, o)) == RC_OK && !admin_reaches(x, o->id))
		rc = RC_NOT_FOUND;
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND
			   ? fail(&c->err, rc,
				 "no organization has the domain %.200s, so the device is refused: postern"
				 " domain add, if it is yours",
				 s->domain)
			   : rc;
	rc = account_find(c, s->user_identifier, person);
	if (rc == RC_OK)
		s->account = person;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void
result_json(struct admin_call *x, const struct rule *r, const struct rule_subject *s)
{
	json_t *j = json_object();
	bool enrolls, forced = false;

	admin_put(x->out, "result", j);
	if (r == NULL) {
		admin_put_text(j, "outcome", "refuse");
		admin_put_text(j, "message", enroll_failure(EV_discovery_no_rule)->person);
		return;
	}
	enrolls = strcmp(r->outcome, "byod") == 0 || strcmp(r->outcome, "adde") == 0;
	admin_put_text(j, "rule", r->id);
	admin_put_int(j, "position", r->position);
	admin_put_text(j, "outcome", r->outcome);
	admin_put_text(j, "redirect_url", r->redirect_url);
	admin_put_text(j, "message", r->message);
	admin_put_text(j, "identity", r->identity);
	if (enrolls)
		admin_put_text(j, "method", rule_method(r, s->model_family, admin_query(x, "os"), &forced));
	admin_put_flag(j, "method_forced", forced);
}

enum rc
admin_rule_explain(struct admin_call *x)
{
	struct account person;
	struct organization o = { 0 };
	struct rule_subject s = { 0 };
	struct rule *rules = NULL;
	const struct rule *first = NULL;
	json_t *items = admin_items(x);
	enum rc rc;
	int n = 0;

	if ((rc = subject(x, &o, &s, &person)) != RC_OK || (rc = rule_list(x->c, o.id, &rules, &n)) != RC_OK)
		return rc;
	admin_put_text(x->out, "organization", o.id);
	admin_put_text(x->out, "user", s.user_identifier);
	admin_put_text(x->out, "model_family", s.model_family);
	admin_put_flag(x->out, "user_known", s.account != NULL);
	for (int i = 0; i < n; i++) {
		json_t *j = rule_json(&rules[i]);
		const char *why_not = NULL;
		bool matches = rule_matches(x->c->arena, &rules[i], &s, &why_not);

		json_array_append_new(items, j);
		admin_put_flag(j, "matches", matches);
		admin_put_flag(j, "decides", matches && first == NULL);
		admin_put_text(j, "why_not", why_not);
		if (matches && first == NULL)
			first = &rules[i];
	}
	result_json(x, first, &s);
	return RC_OK;
}
