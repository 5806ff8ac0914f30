#include "enroll/rule.h"

#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "account/organization.h"
#include "enroll/os.h"
#include "fmt/base64.h"
#include "fmt/glob.h"
#include "fmt/uri.h"
#include "store/store.h"

#define RULES_MAX 1000 /* per organization */

#define COLUMNS \
	"id, organization_id, position, domain, user_glob, group_name, model_family, percent, outcome," \
	" redirect_url, message, method, identity"

static const char *const outcomes[] = { "byod", "adde", "redirect", "refuse", NULL };
static const char *const methods[] = { "apple-oauth2", "apple-as-web", NULL };
static const char *const identities[] = { "scep", "acme", NULL };
static const char *const model_families[] = { "AppleTV", "iPad", "iPhone", "Mac", "RealityDevice", "Watch", NULL };

static bool
one_of(const char *const *words, const char *word)
{
	for (; *words != NULL; words++) {
		if (word != NULL && strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

static bool
no(const char **why_not, const char *sentence)
{
	if (why_not != NULL)
		*why_not = sentence;
	return false;
}

/* Which of a hundred a person is for this rule. The rule's id is in it, so that two rules at 10 % don't
 * pick the same people. */
static int
hundredth(struct arena *a, const char *rule_id, const char *user_identifier)
{
	struct bytes h = crypto_sha256_text(a, arena_printf(a, "%s%s", rule_id, user_identifier));
	uint32_t n = 0;

	/* 256^n mod 100, octet by octet: the whole digest counts. */
	for (size_t i = 0; i < h.n; i++)
		n = (n * 256 + h.p[i]) % 100;
	return (int)n;
}

bool
rule_matches(struct arena *a, const struct rule *r, const struct rule_subject *s, const char **why_not)
{
	if (r->domain != NULL && (s->domain == NULL || strcasecmp(r->domain, s->domain) != 0))
		return no(why_not, "another domain");
	if (r->model_family != NULL && (s->model_family == NULL || strcmp(r->model_family, s->model_family) != 0))
		return no(why_not, s->model_family == NULL ? "no model family was given" : "another model family");
	if (r->user_glob != NULL) {
		if (s->user_identifier == NULL)
			return no(why_not, "no person was given");
		if (!glob_match(r->user_glob, s->user_identifier))
			return no(why_not, "another person");
	}
	if (r->group != NULL) {
		if (s->account == NULL)
			return no(why_not, "the person is not known (yet)");
		if (!account_in_group(s->account, r->group))
			return no(why_not, "the person is not in the group");
	}
	if (r->percent >= 0) {
		if (s->user_identifier == NULL)
			return no(why_not, "no person was given");
		if (hundredth(a, r->id, s->user_identifier) >= r->percent)
			return no(why_not, "the person is not in the percentage");
	}
	if (why_not != NULL)
		*why_not = NULL;
	return true;
}

static void
rule_from_row(struct rule *r, const struct db_rows *rows, int i)
{
	*r = (struct rule){
		.id = db_get_text(rows, i, 0),
		.organization_id = db_get_text(rows, i, 1),
		.position = db_get_int(rows, i, 2),
		.domain = db_get_text(rows, i, 3),
		.user_glob = db_get_text(rows, i, 4),
		.group = db_get_text(rows, i, 5),
		.model_family = db_get_text(rows, i, 6),
		.percent = db_is_null(rows, i, 7) ? -1 : db_get_int(rows, i, 7),
		.outcome = db_get_text(rows, i, 8),
		.redirect_url = db_get_text(rows, i, 9),
		.message = db_get_text(rows, i, 10),
		.method = db_get_text(rows, i, 11),
		.identity = db_get_text(rows, i, 12),
	};
}

enum rc
rule_list(struct call *c, const char *organization_id, struct rule **out, int *n)
{
	static const char sql[] = "SELECT " COLUMNS " FROM rule WHERE organization_id = ?1 ORDER BY position, id";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(organization_id)), &r)) != RC_OK)
		return fail_in(&c->err, rc, "list rules");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		rule_from_row(&(*out)[i], &r, i);
	return RC_OK;
}

enum rc
rule_decide(struct call *c, const char *organization_id, const struct rule_subject *s, struct rule *out)
{
	struct rule *rules;
	enum rc rc;
	int n;

	if ((rc = rule_list(c, organization_id, &rules, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (rule_matches(c->arena, &rules[i], s, NULL)) {
			*out = rules[i];
			return RC_OK;
		}
	}
	return fail(&c->err, RC_NOT_FOUND, "no rule of %s matches", organization_id);
}

static enum rc
rule_check(struct call *c, const struct rule *r)
{
	struct uri u;
	struct err ignored;

	if (!one_of(outcomes, r->outcome))
		return fail(&c->err, RC_BAD_INPUT, "a rule ends in byod, adde, redirect or refuse");
	if (r->method != NULL && !one_of(methods, r->method))
		return fail(&c->err, RC_BAD_INPUT, "the method is apple-oauth2 or apple-as-web, not \"%s\"", r->method);
	if (r->identity != NULL && !one_of(identities, r->identity))
		return fail(&c->err, RC_BAD_INPUT, "the identity is scep or acme, not \"%s\"", r->identity);
	if (r->model_family != NULL && !one_of(model_families, r->model_family))
		return fail(&c->err, RC_BAD_INPUT,
		    "the model family is AppleTV, iPad, iPhone, Mac, RealityDevice or Watch, not \"%s\"",
		    r->model_family);
	if (r->percent < -1 || r->percent > 100)
		return fail(&c->err, RC_BAD_INPUT, "the percentage is 0 to 100");
	if (r->domain != NULL && !uri_is_fqdn(r->domain))
		return fail(&c->err, RC_BAD_INPUT, "\"%s\" is not a domain name", r->domain);
	if (strcmp(r->outcome, "redirect") == 0) {
		/* A device refuses to be sent to plain http (protocol 15). */
		if (r->redirect_url == NULL || uri_parse(c->arena, r->redirect_url, &u, &ignored) != RC_OK ||
		    strcmp(u.scheme, "https") != 0)
			return fail(&c->err, RC_BAD_INPUT, "a redirect needs an https URL");
		/* Our own two items are put behind it; two of a name would leave the choice to the other side. */
		if (strpbrk(r->redirect_url, "#") != NULL || strstr(r->redirect_url, "user-identifier=") != NULL)
			return fail(
			    &c->err, RC_BAD_INPUT, "a redirect has no fragment and no user-identifier of its own");
	}
	if (strcmp(r->outcome, "refuse") == 0 && (r->message == NULL || r->message[0] == '\0'))
		return fail(&c->err, RC_BAD_INPUT, "a refusal needs a message for the person");
	if (r->message != NULL && strlen(r->message) > 500)
		return fail(&c->err, RC_BAD_INPUT, "a message has at most 500 octets");
	return RC_OK;
}

/* Who wants keys attested must have said by whom: else every device would be refused at its last step. */
static enum rc
check_roots(struct call *c, const struct rule *r)
{
	struct bytes *roots;
	enum rc rc;
	int n;

	if (r->identity == NULL || strcmp(r->identity, "acme") != 0)
		return RC_OK;
	if ((rc = trust_pool(c, TRUST_ATTESTATION, r->organization_id, &roots, &n)) != RC_OK || n > 0)
		return rc;
	return fail(&c->err, RC_CONFLICT,
	    "%s has no root that attestations could lead to: postern org set --attestation-ca FILE first",
	    r->organization_id);
}

/* Positions are 1, 2, ... without gaps, so that what `rule list` shows is what `--at` means. */
static enum rc
renumber(struct call *c, const struct rule *rules, int n)
{
	static const char sql[] = "UPDATE rule SET position = ?2 WHERE id = ?1 AND position <> ?2";
	enum rc rc;

	for (int i = 0; i < n; i++) {
		if ((rc = store_run(c, sql, DB_ARGS(db_text(rules[i].id), db_int(i + 1)), NULL)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

static int
insert_at(struct rule *rules, int n, struct rule r, int64_t position)
{
	int at = position < 1 ? 0 : position > n ? n : (int)position - 1;

	memmove(&rules[at + 1], &rules[at], (size_t)(n - at) * sizeof *rules);
	rules[at] = r;
	return n + 1;
}

static enum rc
add_in_unit(struct call *c, void *arg)
{
	static const char sql[] = "INSERT INTO rule (" COLUMNS ", created_at) VALUES"
				  " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
	struct rule *r = arg, *rules, *all;
	enum rc rc;
	int n;

	if ((rc = rule_list(c, r->organization_id, &rules, &n)) != RC_OK)
		return rc;
	if (n >= RULES_MAX)
		return fail(&c->err, RC_TOO_LARGE, "an organization has at most %d rules", RULES_MAX);
	rc = store_run(c, sql,
	    DB_ARGS(db_text(r->id), db_text(r->organization_id), db_int(0), db_text(r->domain), db_text(r->user_glob),
		db_text(r->group), db_text(r->model_family), r->percent < 0 ? db_null() : db_int(r->percent),
		db_text(r->outcome), db_text(r->redirect_url), db_text(r->message), db_text(r->method),
		db_text(r->identity), db_int(c->now)),
	    NULL);
	if (rc != RC_OK)
		return rc;
	all = arena_array(c->arena, (size_t)n + 1, sizeof *all);
	if (n > 0)
		memcpy(all, rules, (size_t)n * sizeof *all);
	return renumber(c, all, insert_at(all, n, *r, r->position));
}

enum rc
rule_add(struct call *c, struct rule *r)
{
	uint8_t raw[8];
	enum rc rc;

	if ((rc = rule_check(c, r)) != RC_OK || (rc = check_roots(c, r)) != RC_OK)
		return rc;
	crypto_random(raw, sizeof raw);
	r->id = hex_encode(c->arena, bytes_of(raw, sizeof raw));
	if ((rc = store_unit(c, add_in_unit, r)) != RC_OK)
		return fail_in(&c->err, rc, "add rule");
	return RC_OK;
}

struct change {
	const char *organization_id, *id;
	int64_t position; /* 0: remove */
};

static enum rc
change_in_unit(struct call *c, void *arg)
{
	const struct change *ch = arg;
	struct rule *rules = NULL, moved;
	enum rc rc;
	int n = 0, i;

	if ((rc = rule_list(c, ch->organization_id, &rules, &n)) != RC_OK)
		return rc;
	for (i = 0; i < n && strcmp(rules[i].id, ch->id) != 0; i++)
		;
	if (i == n)
		return fail(&c->err, RC_NOT_FOUND, "no rule %s; postern rule list shows them", ch->id);
	moved = rules[i];
	n--;
	memmove(&rules[i], &rules[i + 1], (size_t)(n - i) * sizeof *rules);
	if (ch->position > 0) {
		n = insert_at(rules, n, moved, ch->position);
	} else {
		rc = store_run(c, "DELETE FROM rule WHERE id = ?1", DB_ARGS(db_text(ch->id)), NULL);
		if (rc != RC_OK)
			return rc;
	}
	return renumber(c, rules, n);
}

enum rc
rule_move(struct call *c, const char *organization_id, const char *id, int64_t position)
{
	struct change ch = { organization_id, id, position < 1 ? 1 : position };

	return store_unit(c, change_in_unit, &ch);
}

enum rc
rule_remove(struct call *c, const char *organization_id, const char *id)
{
	struct change ch = { organization_id, id, 0 };

	return store_part(c, change_in_unit, &ch);
}

const char *
rule_method(const struct rule *r, const char *model_family, const char *version, bool *forced)
{
	const char *wanted = r != NULL && r->method != NULL ? r->method : "apple-oauth2";

	*forced = strcmp(os_name(model_family), "iOS") == 0 && os_compare(version, "16") < 0 &&
		  strcmp(wanted, "apple-as-web") != 0;
	return *forced ? "apple-as-web" : wanted;
}
