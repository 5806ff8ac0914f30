#include "acme/acme.h"

#include <string.h>

#include "account/organization.h"
#include "acme/attest.h"
#include "acme/nonce.h"
#include "acme/step.h"
#include "base/clock.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "enroll/enrollment.h"
#include "fmt/base64.h"
#include "keys/keys.h"

static bool
is(const struct order *o, const char *state)
{
	return strcmp(o->state, state) == 0;
}

static bool
expired(const struct call *c, const struct order *o)
{
	return !is(o, "valid") && !is(o, "invalid") && o->expires_at <= c->now;
}

/* ---- documents ---- */

enum rc
acme_directory(struct call *c, const char *organization_id, struct bytes *document)
{
	struct organization o;
	enum rc rc = organization_get(c, organization_id, &o);

	if (rc != RC_OK)
		return rc;
	*document = json_text(c->arena,
	    json_keep(c->arena,
		json_pack("{s:s, s:s, s:s}", "newNonce", step_url(c, o.id, "new-nonce", NULL), "newAccount",
		    step_url(c, o.id, "new-account", NULL), "newOrder", step_url(c, o.id, "new-order", NULL))),
	    0);
	return RC_OK;
}

enum rc
acme_nonce(struct call *c, const char *organization_id, const char **nonce)
{
	struct organization o;
	enum rc rc = organization_get(c, organization_id, &o);

	return rc == RC_OK ? nonce_make(c, nonce) : rc;
}

static json_t *
identifier_json(const struct order *o)
{
	return json_pack("{s:s, s:s}", "type", "permanent-identifier", "value", o->identifier);
}

/* `to` gets what the failure of an authorization says, where it failed. */
static void
put_problem(json_t *to, const struct order *o)
{
	if (o->problem != NULL)
		json_object_set_new(to, "error", step_problem_of(o->problem));
}

static json_t *
order_json(struct call *c, const struct order *o)
{
	json_t *j = json_pack("{s:s, s:s, s:[o], s:[s], s:s}", "status", expired(c, o) ? "invalid" : o->state,
	    "expires", clock_rfc3339(c->arena, o->expires_at), "identifiers", identifier_json(o), "authorizations",
	    step_url(c, o->organization_id, "authorization", o->id), "finalize",
	    step_url(c, o->organization_id, "finalize", o->id));

	if (is(o, "valid"))
		json_object_set_new(
		    j, "certificate", json_string(step_url(c, o->organization_id, "certificate", o->id)));
	put_problem(j, o);
	return j;
}

/* Of an order's state: what its authorization and the challenge have. */
static const char *
authorized(const struct order *o)
{
	return is(o, "ready") || is(o, "valid") ? "valid" : o->state;
}

static json_t *
challenge_json(struct call *c, const struct order *o)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "type", "device-attest-01", "url",
	    step_url(c, o->organization_id, "challenge", o->id), "status", authorized(o), "token", o->token);

	put_problem(j, o);
	return j;
}

/* ---- what can be asked ---- */

static enum rc
account(struct call *c, struct step *s)
{
	struct bytes sealed;
	enum rc rc = keys_seal(c->keys, c->arena, arena_printf(c->arena, "acme-account %s", s->in->organization_id),
	    s->key, &sealed, &c->err);

	if (rc != RC_OK)
		return rc;
	step_answer(c, s, s->what == ACME_NEW_ACCOUNT ? 201 : 200, json_pack("{s:s}", "status", "valid"));
	s->out->location = step_url(c, s->in->organization_id, "account", base64url_encode(c->arena, sealed));
	return RC_OK;
}

static enum rc
new_order(struct call *c, struct step *s)
{
	struct order *o = &s->order;
	enum rc rc;

	*o = (struct order){
		.organization_id = s->in->organization_id,
		.enrollment_id = s->challenge.enrollment_id,
		.identifier = s->identifier,
		.challenge_hash = s->challenge.hash,
		.account = s->account,
		.expires_at = c->now + ACME_ORDER_LIFE_S,
	};
	if ((rc = order_add(c, o)) == RC_TOO_LARGE)
		return step_refuse(c, s, EV_acme_too_many_orders, NULL);
	if (rc != RC_OK)
		return rc;
	step_answer(c, s, 201, order_json(c, o));
	s->out->location = step_url(c, o->organization_id, "order", o->id);
	return RC_OK;
}

static enum rc
order(struct call *c, struct step *s)
{
	step_answer(c, s, 200, order_json(c, &s->order));
	return RC_OK;
}

static enum rc
authorization(struct call *c, struct step *s)
{
	const struct order *o = &s->order;

	step_answer(c, s, 200,
	    json_pack("{s:o, s:s, s:s, s:[o]}", "identifier", identifier_json(o), "status",
		expired(c, o) && is(o, "pending") ? "expired" : authorized(o), "expires",
		clock_rfc3339(c->arena, o->expires_at), "challenges", challenge_json(c, o)));
	return RC_OK;
}

/* At a renewal the device is known; before, Authenticate is held against what was attested (mdm/checkin.c). */
static enum rc
is_its_device(struct call *c, const struct order *o, const struct attestation *at)
{
	const struct device_ids attested = { at->serial_number, at->udid };
	struct enrollment e = { 0 };
	struct device_ids known;
	enum rc rc = enrollment_get(c, o->enrollment_id, &e);

	if (rc != RC_OK || strcmp(e.mode, "adde") != 0)
		return rc;
	known = (struct device_ids){ e.serial_number, e.device_id };
	return enrollment_same_device(e.family, &attested, &known)
		   ? RC_OK
		   : fail(&c->err, RC_BAD_INPUT, "the attested device is not the enrolled one");
}

/* What is to be said of an attestation: EV_acme_attested, or why not. */
static enum rc
judge(struct call *c, const struct step *s, struct attestation *at, enum enroll_code *code)
{
	const char *text = json_get_text(s->payload, "attObj");
	struct bytes object = text != NULL ? base64url_decode(c->arena, bytes_str(text)) : bytes_of(NULL, 0), *roots;
	enum rc rc;
	int n;

	*code = EV_acme_attestation_missing;
	if (text == NULL)
		return fail(&c->err, RC_BAD_INPUT, "the answer to the challenge has no attObj");
	rc = attest_read(c->arena, object, at, &c->err);
	if (rc == RC_NOT_FOUND)
		return RC_BAD_INPUT;
	*code = EV_acme_attestation_malformed;
	if (rc != RC_OK)
		return rc;
	*code = EV_acme_attestation_chain;
	if ((rc = trust_pool(c, TRUST_ATTESTATION, s->in->organization_id, &roots, &n)) != RC_OK)
		return rc;
	rc = x509_verify(at->chain[0], at->chain + 1, at->n - 1, roots, n, c->now, false, &c->err);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND || rc == RC_FORBIDDEN ? RC_BAD_INPUT : rc;
	*code = EV_acme_attestation_stale;
	if (!attest_is_fresh(c->arena, at, s->order.token))
		return fail(&c->err, RC_BAD_INPUT, "the freshness code is not SHA-256 of the challenge's token");
	*code = EV_acme_other_device;
	if ((rc = is_its_device(c, &s->order, at)) != RC_OK)
		return rc;
	*code = EV_acme_attested;
	return RC_OK;
}

static enum rc
challenge(struct call *c, struct step *s)
{
	struct attestation *at = arena_alloc(c->arena, sizeof *at);
	struct order *o = &s->order;
	enum enroll_code code;
	enum rc rc;

	if (s->payload != NULL && is(o, "pending")) {
		if (expired(c, o))
			return step_refuse(c, s, EV_acme_order_expired, NULL);
		if ((rc = judge(c, s, at, &code)) != RC_OK && rc != RC_BAD_INPUT)
			return rc;
		rc = order_attested(c, o, code, at, rc == RC_OK ? NULL : arena_strdup(c->arena, c->err.text));
		if (rc == RC_CONFLICT)
			rc = order_get(c, o->organization_id, o->id, o);
		if (rc != RC_OK)
			return rc;
	}
	step_answer(c, s, 200, challenge_json(c, o));
	s->out->up = step_url(c, o->organization_id, "authorization", o->id);
	return RC_OK;
}

static enum rc
also_issued(struct call *c, const char *enrollment_id, struct bytes certificate, void *arg)
{
	struct order *o = arg;
	enum rc rc = order_issued(c, o->id, certificate);

	return rc == RC_OK ? enrollment_event(c, enrollment_id, EV_certificate_issued, NULL) : rc;
}

static enum rc
issue(struct call *c, struct step *s, const struct x509_csr *csr)
{
	struct order *o = &s->order;
	const struct ca_request ask = {
		.organization_id = o->organization_id,
		.door = "acme",
		.challenge_hash = o->challenge_hash,
		/* A signature of ECDSA is another one each time: the same key asks for the same again. */
		.same = csr->raw_key,
		.csr = csr,
		.also = also_issued,
		.arg = o,
	};
	const char *enrollment_id;
	enum rc rc = ca_issue_read(c, &ask, &o->certificate, &enrollment_id);

	if (rc == RC_NOT_FOUND)
		return step_refuse(c, s, EV_acme_identifier_unknown, NULL);
	if (rc == RC_FORBIDDEN)
		return step_refuse(c, s, EV_acme_identifier_spent, NULL);
	if (rc != RC_OK)
		return rc;
	o->state = "valid";
	return order(c, s);
}

static enum rc
finalize(struct call *c, struct step *s)
{
	const char *text = json_get_text(s->payload, "csr");
	struct bytes der = text != NULL ? base64url_decode(c->arena, bytes_str(text)) : bytes_of(NULL, 0);
	struct order *o = &s->order;
	struct x509_csr csr = { 0 };
	enum rc rc;

	if (expired(c, o))
		return step_refuse(c, s, EV_acme_order_expired, NULL);
	if (!is(o, "ready") && !is(o, "valid"))
		return step_problem(c, s, PROBLEM_NOT_READY, "the challenge is not answered yet");
	rc = x509_csr_parse(c->arena, der, &csr, &c->err);
	if (rc == RC_BAD_INPUT || rc == RC_FORBIDDEN)
		return step_refuse(c, s, EV_acme_request_malformed, arena_strdup(c->arena, c->err.text));
	if (rc != RC_OK)
		return rc;
	if (!bytes_eq(csr.raw_key, o->key))
		return step_refuse(c, s, EV_acme_other_key, NULL);
	s->out->location = step_url(c, o->organization_id, "order", o->id);
	return issue(c, s, &csr);
}

static enum rc
certificate(struct call *c, struct step *s)
{
	const struct order *o = &s->order;
	struct bytes *ca;
	enum rc rc;
	int n;

	if (!is(o, "valid"))
		return step_problem(c, s, PROBLEM_NOT_FOUND, "no certificate was issued yet");
	rc =
	    keys_certificates(c->keys, c->arena, arena_printf(c->arena, "ca-%s", o->organization_id), &ca, &n, &c->err);
	if (rc == RC_OK && n == 0)
		rc = fail(&c->err, RC_INTERNAL, "the CA has no certificate");
	if (rc != RC_OK)
		return rc;
	s->out->status = 200;
	s->out->type = "application/pem-certificate-chain";
	s->out->body =
	    bytes_str(arena_printf(c->arena, "%s%s", x509_pem(c->arena, o->certificate), x509_pem(c->arena, ca[0])));
	return RC_OK;
}

enum rc
acme_post(struct call *c, enum acme_resource what, const struct acme_request *in, struct acme_answer *out)
{
	static enum rc (*const answers[])(struct call * c, struct step * s) = {
		[ACME_NEW_ACCOUNT] = account,
		[ACME_ACCOUNT] = account,
		[ACME_NEW_ORDER] = new_order,
		[ACME_ORDER] = order,
		[ACME_AUTHORIZATION] = authorization,
		[ACME_CHALLENGE] = challenge,
		[ACME_FINALIZE] = finalize,
		[ACME_CERTIFICATE] = certificate,
	};
	struct step *s = arena_alloc(c->arena, sizeof *s);
	struct organization o;
	enum rc rc;

	*out = (struct acme_answer){ 0 };
	s->what = what;
	s->in = in;
	s->out = out;
	if ((rc = organization_get(c, in->organization_id, &o)) != RC_OK || (rc = step_read(c, s)) != RC_OK)
		return rc;
	if (out->status == 0 && (rc = answers[what](c, s)) != RC_OK)
		return rc;
	return nonce_make(c, &out->nonce);
}
