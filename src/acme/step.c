#include "acme/step.h"

#include <string.h>

#include "acme/nonce.h"
#include "base/log.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "enroll/enrollment.h"
#include "fmt/base64.h"
#include "keys/keys.h"

#define TYPE "urn:ietf:params:acme:error:"
#define KID_MAX 2048 /* characters; an RSA key of 8192 bits sealed has 1430 */
#define IDENTIFIER_MAX 128 /* octets; ours have 43 */

static const struct {
	const char *type;
	int status;
} problems[] = {
	[PROBLEM_MALFORMED] = { "malformed", 400 },
	[PROBLEM_NOT_FOUND] = { "malformed", 404 },
	[PROBLEM_NONCE] = { "badNonce", 400 },
	[PROBLEM_ALGORITHM] = { "badSignatureAlgorithm", 400 },
	[PROBLEM_KEY] = { "badPublicKey", 400 },
	[PROBLEM_ACCOUNT] = { "accountDoesNotExist", 400 },
	[PROBLEM_UNAUTHORIZED] = { "unauthorized", 403 },
	[PROBLEM_RATE] = { "rateLimited", 429 },
	[PROBLEM_IDENTIFIER_TYPE] = { "unsupportedIdentifier", 400 },
	[PROBLEM_IDENTIFIER] = { "rejectedIdentifier", 403 },
	[PROBLEM_ATTESTATION] = { "badAttestationStatement", 400 },
	[PROBLEM_NOT_READY] = { "orderNotReady", 403 },
	[PROBLEM_CSR] = { "badCSR", 400 },
};

/* What a peer is told for a row of the catalogue. */
static const struct {
	enum enroll_code code;
	enum acme_problem problem;
} refusals[] = {
	{ EV_acme_malformed, PROBLEM_MALFORMED },
	{ EV_acme_nonce_used, PROBLEM_NONCE },
	{ EV_acme_identifier_unknown, PROBLEM_IDENTIFIER },
	{ EV_acme_identifier_spent, PROBLEM_IDENTIFIER },
	{ EV_acme_too_many_orders, PROBLEM_RATE },
	{ EV_acme_order_expired, PROBLEM_NOT_READY },
	{ EV_acme_attestation_missing, PROBLEM_ATTESTATION },
	{ EV_acme_attestation_malformed, PROBLEM_ATTESTATION },
	{ EV_acme_attestation_chain, PROBLEM_ATTESTATION },
	{ EV_acme_attestation_stale, PROBLEM_ATTESTATION },
	{ EV_acme_other_device, PROBLEM_ATTESTATION },
	{ EV_acme_other_key, PROBLEM_CSR },
	{ EV_acme_request_malformed, PROBLEM_CSR },
};

const char *
step_url(struct call *c, const char *organization_id, const char *word, const char *id)
{
	return arena_printf(c->arena, "%s/acme/%s/%s%s%s", c->conf->url, organization_id, word, id != NULL ? "/" : "",
	    id != NULL ? id : "");
}

/* ---- answers ---- */

void
step_answer(struct call *c, struct step *s, int status, json_t *document)
{
	s->out->status = status;
	s->out->type = "application/json";
	s->out->body = json_text(c->arena, json_keep(c->arena, document), 0);
}

static json_t *
problem_json(enum acme_problem p, const char *detail)
{
	char type[64];

	snprintf(type, sizeof type, TYPE "%s", problems[p].type);
	return json_pack("{s:s, s:s, s:i}", "type", type, "detail", detail, "status", problems[p].status);
}

enum rc
step_problem(struct call *c, struct step *s, enum acme_problem p, const char *detail)
{
	json_t *document = problem_json(p, detail);

	/* RFC 8555 6.2: what would have been accepted. */
	if (p == PROBLEM_ALGORITHM)
		json_object_set_new(document, "algorithms", json_pack("[s,s,s]", "ES256", "RS256", "PS256"));
	step_answer(c, s, problems[p].status, document);
	s->out->type = "application/problem+json";
	return RC_OK;
}

static enum acme_problem
problem_of(const char *failure_code)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (strcmp(enroll_failure(refusals[i].code)->code, failure_code) == 0)
			return refusals[i].problem;
	}
	return PROBLEM_UNAUTHORIZED;
}

json_t *
step_problem_of(const char *failure_code)
{
	const struct enroll_failure *f = enroll_failure_find(failure_code);

	return problem_json(problem_of(failure_code), f != NULL ? f->operator_ : failure_code);
}

enum rc
step_refuse(struct call *c, struct step *s, enum enroll_code code, const char *details)
{
	const struct enroll_failure *f = enroll_failure(code);
	enum rc rc = enrollment_event(c, s->enrollment_id, code, details);

	return rc == RC_OK ? step_problem(c, s, problem_of(f->code), f->operator_) : rc;
}

/* ---- who asks ---- */

static enum rc
read_jws(struct call *c, struct step *s)
{
	const char *why;
	enum rc rc = flat_jws_read(c->arena, s->in->body, &s->jws, &c->err);

	if (rc == RC_OK && s->jws.payload.n > 0) {
		json_t *payload;

		rc = json_parse(c->arena, s->jws.payload, &payload, &c->err);
		s->payload = payload;
		if (rc == RC_OK && !json_is_object(payload))
			rc = fail(&c->err, RC_BAD_INPUT, "the payload is no JSON object");
	}
	why = arena_strdup(c->arena, c->err.text);
	switch (rc) {
	case RC_OK:
		return RC_OK;
	case RC_FORBIDDEN:
		return step_problem(c, s, PROBLEM_ALGORITHM, why);
	case RC_NOT_FOUND:
		return step_problem(c, s, PROBLEM_KEY, why);
	case RC_BAD_INPUT:
	case RC_TOO_LARGE:
		rc = enrollment_event(c, NULL, EV_acme_malformed, why);
		return rc == RC_OK ? step_problem(c, s, PROBLEM_MALFORMED, why) : rc;
	default:
		return rc;
	}
}

static const char *
account_context(struct call *c, const struct step *s)
{
	return arena_printf(c->arena, "acme-account %s", s->in->organization_id);
}

/* The key in the header, for a new account; else the one that the account's URL is. */
static enum rc
read_account(struct call *c, struct step *s)
{
	const char *prefix = step_url(c, s->in->organization_id, "account", "");
	size_t n = strlen(prefix);
	struct bytes sealed = { NULL, 0 };
	enum rc rc = RC_BAD_INPUT;

	if (s->what == ACME_NEW_ACCOUNT) {
		if (s->jws.kid != NULL)
			return step_problem(c, s, PROBLEM_MALFORMED, "a new account is asked for with jwk");
		s->key = s->jws.key;
	} else {
		if (s->jws.kid == NULL)
			return step_problem(c, s, PROBLEM_MALFORMED, "an account signs with kid");
		if (strlen(s->jws.kid) <= KID_MAX && strncmp(s->jws.kid, prefix, n) == 0)
			sealed = base64url_decode(c->arena, bytes_str(s->jws.kid + n));
		if (sealed.p != NULL)
			rc = keys_unseal(c->keys, c->arena, account_context(c, s), sealed, &s->key, &c->err);
		if (rc == RC_UNAVAILABLE)
			return rc;
		if (rc != RC_OK)
			return step_problem(c, s, PROBLEM_ACCOUNT, "no such account");
	}
	if (!flat_jws_signed(c->arena, &s->jws, s->key))
		return step_problem(c, s, PROBLEM_UNAUTHORIZED, "the signature is not the account's");
	s->account = crypto_sha256(c->arena, s->key);
	return RC_OK;
}

static enum rc
read_new_order(struct call *c, struct step *s)
{
	const json_t *list = json_object_get(s->payload, "identifiers"), *first = json_array_get(list, 0);
	const char *type = json_get_text(first, "type");
	enum rc rc;

	s->identifier = json_get_text(first, "value");
	if (json_array_size(list) != 1 || type == NULL || s->identifier == NULL)
		return step_problem(c, s, PROBLEM_MALFORMED, "an order has one identifier here");
	if (strcmp(type, "permanent-identifier") != 0)
		return step_problem(c, s, PROBLEM_IDENTIFIER_TYPE, "only permanent-identifier is known here");
	/* What can't be fulfilled as it is asked must be refused (RFC 8555 7.4). */
	if (json_object_get(s->payload, "notBefore") != NULL || json_object_get(s->payload, "notAfter") != NULL)
		return step_problem(c, s, PROBLEM_MALFORMED, "the server chooses notBefore and notAfter");
	rc = strlen(s->identifier) <= IDENTIFIER_MAX
		 ? ca_challenge_find(c, s->in->organization_id, "acme", s->identifier, &s->challenge)
		 : RC_NOT_FOUND;
	if (rc == RC_NOT_FOUND)
		return step_refuse(c, s, EV_acme_identifier_unknown, NULL);
	s->enrollment_id = s->challenge.enrollment_id;
	return rc;
}

static enum rc
read_order(struct call *c, struct step *s)
{
	enum rc rc = order_get(c, s->in->organization_id, s->in->id, &s->order);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && !bytes_eq(s->order.account, s->account)))
		return step_problem(c, s, PROBLEM_NOT_FOUND, "this account has no such order");
	s->enrollment_id = s->order.enrollment_id;
	return rc;
}

static enum rc
use_nonce(struct call *c, struct step *s)
{
	enum rc rc = nonce_use(c, s->jws.nonce, s->order.id == NULL ? s->in->address : NULL);

	switch (rc) {
	case RC_CONFLICT:
		return step_refuse(c, s, EV_acme_nonce_used, NULL);
	case RC_BAD_INPUT:
		return step_problem(c, s, PROBLEM_NONCE, arena_strdup(c->arena, c->err.text));
	case RC_TOO_LARGE:
		log_warn("ACME request refused", "error", c->err.text);
		return step_problem(c, s, PROBLEM_RATE, "too many requests from this network");
	default:
		return rc;
	}
}

enum rc
step_read(struct call *c, struct step *s)
{
	enum rc rc;

	if ((rc = read_jws(c, s)) != RC_OK || s->out->status != 0)
		return rc;
	/* RFC 8555 6.4: what was signed for one URL is not to be had at another. */
	if (strcmp(s->jws.url, s->in->url) != 0)
		return step_problem(c, s, PROBLEM_UNAUTHORIZED, "the url in the header is another one");
	if ((rc = read_account(c, s)) != RC_OK || s->out->status != 0)
		return rc;
	if (s->what == ACME_NEW_ORDER)
		rc = read_new_order(c, s);
	else if (s->what > ACME_NEW_ORDER)
		rc = read_order(c, s);
	/* The nonce comes last: only who signed, and for what is there, uses one up. */
	return rc != RC_OK || s->out->status != 0 ? rc : use_nonce(c, s);
}
