#include "apple/account.h"

#include <string.h>

#include "apple/maid_token.h"
#include "apple/once.h"
#include "apple/portal.h"
#include "fmt/base64.h"
#include "fmt/uri.h"
#include "http/mem.h"

#define AK_ERROR (-7013) /* what iOS shows when a Managed Apple Account's sign-in is refused (protocol 9.1) */

struct accounts {
	const char *dir;
	struct faults *faults;
	struct diary *diary;
	struct once *used; /* jti */
};

struct accounts *
accounts_new(const char *dir, struct faults *faults, struct diary *diary)
{
	struct accounts *x = http_need(calloc(1, sizeof *x));

	*x = (struct accounts){ .dir = dir, .faults = faults, .diary = diary, .used = once_new() };
	return x;
}

void
accounts_free(struct accounts *x)
{
	if (x == NULL)
		return;
	once_free(x->used);
	free(x);
}

/* ---- why not ---- */

enum verdict {
	ACCEPTED,
	NO_ACCOUNT,
	PERSONAL,
	LOCKED,
	NO_TOKEN,
	NOT_SUPERVISED,
	TOKEN, /* TOKEN + a fault of the token */
};
static const struct {
	const char *word, *sentence;
} reasons[] = {
	[ACCEPTED] = { "accepted", "accepted" },
	[NO_ACCOUNT] = { "no-account", "there is no such Managed Apple Account" },
	[PERSONAL] = { "personal-account", "it is a personal Apple Account, not a managed one" },
	[LOCKED] = { "locked", "the account is locked" },
	[NO_TOKEN] = { "no-token", "the MDM server gave no token" },
	[NOT_SUPERVISED] = { "not-supervised", "the organization allows it on supervised devices only" },
	[TOKEN + MAID_MALFORMED] = { "token-malformed", "the MDM server's token is no JWT" },
	[TOKEN + MAID_ALGORITHM] = { "token-algorithm", "the MDM server's token is not signed with RS256" },
	[TOKEN + MAID_CLAIMS] = { "token-claims", "the MDM server's token lacks one of iss, iat, jti, service_type" },
	[TOKEN + MAID_SERVICE] = { "token-service", "the MDM server's token is for another service" },
	[TOKEN + MAID_ISSUER] = { "token-issuer",
	    "the token's iss is the server_uuid of no MDM server of this organization" },
	[TOKEN + MAID_SIGNATURE] = { "token-signature",
	    "the token is not signed by the key whose certificate was uploaded for this MDM server" },
	[TOKEN +
	    MAID_TOO_OLD] = { "token-too-old", "the token's iat is in the past: the MDM server's clock is behind" },
	[TOKEN +
	    MAID_TOO_NEW] = { "token-too-new", "the token's iat is in the future: the MDM server's clock is ahead" },
	[TOKEN + MAID_USED] = { "token-used", "the token's jti was used before" },
};

/* ---- one sign-in ---- */

struct asked {
	struct accounts *x;
	struct call *c;
	const char *account, *mode, *token, *token_error;
	bool supervised;
	struct portal portal;
	const char *organization, *policy;
	const char *note; /* beside the sentence; NULL: nothing */
};

static enum verdict
find_account(struct asked *q)
{
	const char *user, *domain, *kind;
	json_t *organization, *account;

	if (uri_identifier_split(q->c->arena, q->account, &user, &domain, NULL) != RC_OK)
		return NO_ACCOUNT;
	organization = portal_organization_of(&q->portal, domain, &q->organization);
	account = organization != NULL ? portal_account(organization, q->account) : NULL;
	if (account == NULL)
		return NO_ACCOUNT;
	q->policy = portal_word(organization, "managed_accounts_on", portal_maid_policies);
	kind = portal_word(account, "kind", portal_kinds);
	return strcmp(kind, "personal") == 0 ? PERSONAL : strcmp(kind, "locked") == 0 ? LOCKED : ACCEPTED;
}

static enum verdict
check_token(struct asked *q)
{
	struct arena *a = q->c->arena;
	struct maid_token t;
	enum maid_fault fault;
	json_t *server;

	if (q->token == NULL)
		return NO_TOKEN;
	if ((fault = maid_token_read(a, q->token, &t)) != MAID_FINE)
		return TOKEN + fault;
	server = portal_server(&q->portal, t.iss);
	if (server == NULL || strcmp(json_get_text(server, "organization"), q->organization) != 0) {
		q->note = arena_printf(a, "iss %s", t.iss);
		return TOKEN + MAID_ISSUER;
	}
	fault = maid_token_check(
	    a, &t, base64_decode(a, bytes_str(json_get_text(server, "certificate")), false), q->c->now);
	if (fault == MAID_TOO_OLD || fault == MAID_TOO_NEW)
		q->note = arena_printf(
		    a, "by %lld seconds", (long long)(fault == MAID_TOO_OLD ? q->c->now - t.iat : t.iat - q->c->now));
	else if (fault == MAID_FINE && !once_take(q->x->used, arena_printf(a, "%s %s", t.iss, t.jti), q->c->now,
					   q->c->now + 2 * MAID_WINDOW_S + 1))
		fault = MAID_USED;
	return fault == MAID_FINE ? ACCEPTED : TOKEN + fault;
}

/* The organization's "Allow Managed Apple Account on". */
static enum verdict
judge(struct asked *q)
{
	enum verdict v = find_account(q), token;

	if (v != ACCEPTED || (q->token == NULL && q->token_error == NULL))
		return v;
	token = check_token(q);
	if (strcmp(q->policy, "any-device") == 0) {
		if (token != ACCEPTED)
			q->note = arena_printf(
			    q->c->arena, "the token is not looked at; it would be refused: %s", reasons[token].word);
		return ACCEPTED;
	}
	if (strcmp(q->policy, "supervised-devices") == 0 && !q->supervised)
		return NOT_SUPERVISED;
	if (token == NO_TOKEN)
		q->note = q->token_error;
	return token;
}

static void
answer(struct asked *q, enum verdict v, struct account_answer *out)
{
	struct arena *a = q->c->arena;
	bool proven = q->token != NULL || q->token_error != NULL;
	const char *sentence =
	    q->note != NULL ? arena_printf(a, "%s (%s)", reasons[v].sentence, q->note) : reasons[v].sentence;

	if (v == ACCEPTED)
		*out = (struct account_answer){ 200, json_keep(a, json_object()) };
	else
		*out = (struct account_answer){ 403,
			json_keep(a, json_pack("{s:s,s:s,s:s,s:i}", "reason", reasons[v].word, "sentence", sentence,
					 "error", "AKAuthenticationError", "code", AK_ERROR)) };
	diary_write(q->x->diary, q->c->now, proven ? "token" : "account", q->account, reasons[v].word, "%s, %s: %s",
	    q->mode != NULL ? q->mode : "?", q->policy != NULL ? q->policy : "no policy", sentence);
}

static bool
fault(struct asked *q, struct account_answer *out)
{
	struct fault f;

	if (!faults_take(q->x->faults, q->c->arena, "sign-in", q->account, &f) || f.status == 0)
		return false;
	*out = (struct account_answer){ .status = f.status };
	if (f.body != NULL)
		(void)json_parse(q->c->arena, bytes_str(f.body), &out->body, NULL);
	diary_write(q->x->diary, q->c->now, "sign-in", q->account, "fault", "%d: a rule wants it so", f.status);
	return true;
}

void
accounts_sign_in(struct accounts *x, struct call *c, struct bytes body, struct account_answer *out)
{
	struct asked q = { .x = x, .c = c };
	json_t *said;

	*out = (struct account_answer){ .status = 400 };
	if (json_parse(c->arena, body, &said, &c->err) != RC_OK)
		return;
	q.account = json_get_text(said, "account");
	q.mode = json_get_text(said, "mode");
	q.token = json_get_text(said, "token");
	q.token_error = json_get_text(said, "token_error");
	q.supervised = json_is_true(json_object_get(said, "supervised"));
	if (q.account == NULL || fault(&q, out))
		return;
	if (portal_begin(c->arena, x->dir, &q.portal, &c->err) != RC_OK) {
		out->status = 503;
		return;
	}
	answer(&q, judge(&q), out);
	portal_end(&q.portal);
}

enum rc
accounts_usable(struct accounts *x, struct call *c, const char *account)
{
	struct asked q = { .x = x, .c = c, .account = account };
	enum verdict v;
	enum rc rc = portal_begin(c->arena, x->dir, &q.portal, &c->err);

	if (rc != RC_OK)
		return rc;
	v = find_account(&q);
	portal_end(&q.portal);
	if (v == ACCEPTED)
		return RC_OK;
	(void)fail(&c->err, RC_FORBIDDEN, "%s", reasons[v].sentence);
	return RC_FORBIDDEN;
}
