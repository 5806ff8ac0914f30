#include "device/acme_client.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/x509.h"
#include "device/attestation.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/der.h"
#include "fmt/json.h"

#define POLLS_MAX 20
#define P256 32 /* octets of a number of ES256 */

/* What one enrollment keeps between its requests. */
struct session {
	struct device *d;
	const struct device_acme *acme;
	const char *new_nonce, *new_account, *new_order;
	struct bytes account_key; /* PKCS#8, P-256: its signatures are ES256 */
	const char *kid; /* NULL: no account yet */
	const char *nonce; /* for the next request */
	struct bytes key; /* of the identity */
};

bool
device_acme_fault(const struct device *d, const char *fault)
{
	return d->acme_fault != NULL && strcmp(d->acme_fault, fault) == 0;
}

/* ---- the payload ---- */

/* Apple's page ACMECertificate: what HardwareBound and Attest need. */
static enum rc
check_payload(struct device *d, const struct device_acme *p)
{
	bool ec = strcmp(p->key_type, "ECSECPrimeRandom") == 0;

	if (!device_can(d, DEVICE_ACME))
		return fail(&d->err, RC_BAD_INPUT, "%s %s knows no ACME payload", d->family->os_label, d->self.os);
	if (!device_url_is(p->directory, "https"))
		return fail(&d->err, RC_BAD_INPUT, "the DirectoryURL of the ACME payload is no https URL");
	if (p->attest && !p->hardware_bound)
		return fail(&d->err, RC_BAD_INPUT, "the ACME payload asks for Attest without HardwareBound");
	if (p->hardware_bound && (!ec || (p->key_size != 256 && p->key_size != 384)))
		return fail(&d->err, RC_BAD_INPUT, "a hardware-bound key is on P-256 or P-384, not %s %d", p->key_type,
		    p->key_size);
	if ((p->hardware_bound || p->attest) && !device_can(d, DEVICE_HARDWARE_KEYS))
		return fail(&d->err, RC_BAD_INPUT, "%s %s knows neither HardwareBound nor Attest", d->family->os_label,
		    d->self.os);
	return RC_OK;
}

static enum rc
make_key(struct device *d, const struct device_acme *p, struct bytes *key)
{
	bool ec = strcmp(p->key_type, "ECSECPrimeRandom") == 0;

	if (ec && (p->key_size == 256 || p->key_size == 384))
		return x509_key_new(d->arena, p->key_size == 256 ? X509_P256 : X509_P384, key, &d->err);
	if (!ec && (p->key_size == 2048 || p->key_size == 4096))
		return x509_key_new(d->arena, p->key_size == 2048 ? X509_RSA_2048 : X509_RSA_4096, key, &d->err);
	return fail(&d->err, RC_BAD_INPUT, "the ACME payload asks for a key %s %d", p->key_type, p->key_size);
}

/* ---- signed requests ---- */

static const char *
coordinate(struct arena *a, const uint8_t *p)
{
	return base64url_encode(a, bytes_of(p, P256));
}

/* {"crv", "kty", "x", "y"} of the account's key. */
static enum rc
jwk_of(struct session *s, json_t **out)
{
	struct arena *a = s->d->arena;
	struct bytes spki, raw;
	enum rc rc;

	if ((rc = x509_key_public(a, s->account_key, &spki, &s->d->err)) != RC_OK ||
	    (rc = x509_raw_key(a, spki, &raw, &s->d->err)) != RC_OK)
		return rc;
	*out = json_pack("{s:s, s:s, s:s, s:s}", "crv", "P-256", "kty", "EC", "x", coordinate(a, raw.p + 4), "y",
	    coordinate(a, raw.p + 4 + P256));
	return RC_OK;
}

/* A number of a DER signature, as JWS has it: 32 octets. */
static bool
put_number(struct bytes *rest, uint8_t *to)
{
	struct der_item n;

	if (!der_take(rest, DER_INTEGER, &n))
		return false;
	while (n.value.n > 1 && n.value.p[0] == 0)
		n.value = bytes_of(n.value.p + 1, n.value.n - 1);
	if (n.value.n > P256)
		return false;
	memcpy(to + P256 - n.value.n, n.value.p, n.value.n);
	return true;
}

static enum rc
sign(struct session *s, const char *input, const char **out)
{
	struct device *d = s->d;
	struct bytes der;
	struct der_item both;
	uint8_t two[2 * P256] = { 0 };
	enum rc rc = x509_sign(d->arena, s->account_key, bytes_str(input), &der, &d->err);

	if (rc != RC_OK)
		return rc;
	if (!der_take(&der, DER_SEQUENCE, &both) || !put_number(&both.value, two) ||
	    !put_number(&both.value, two + P256))
		return fail(&d->err, RC_INTERNAL, "a signature that is none");
	*out = base64url_encode(d->arena, bytes_of(two, sizeof two));
	return RC_OK;
}

/* The flattened JWS of a request; `payload` NULL: POST-as-GET. */
static enum rc
jws_of(struct session *s, const char *url, json_t *payload, struct bytes *out)
{
	struct arena *a = s->d->arena;
	json_t *header = json_keep(a, json_pack("{s:s, s:s, s:s}", "alg", "ES256", "nonce", s->nonce, "url", url)),
	       *jwk;
	const char *protected, *content, *signature = NULL;
	enum rc rc;

	if (s->kid != NULL) {
		json_object_set_new(header, "kid", json_string(s->kid));
	} else {
		if ((rc = jwk_of(s, &jwk)) != RC_OK)
			return rc;
		json_object_set_new(header, "jwk", jwk);
	}
	protected = base64url_encode(a, json_text(a, header, 0));
	content = payload != NULL ? base64url_encode(a, json_text(a, payload, 0)) : "";
	if ((rc = sign(s, arena_printf(a, "%s.%s", protected, content), &signature)) != RC_OK)
		return rc;
	*out = json_text(a,
	    json_keep(
		a, json_pack("{s:s, s:s, s:s}", "protected", protected, "payload", content, "signature", signature)),
	    0);
	return RC_OK;
}

static enum rc
get_nonce(struct session *s)
{
	struct device *d = s->d;
	const struct http_client_request request = { .method = "HEAD", .url = s->new_nonce };
	struct http_client_answer answer;
	enum rc rc = device_exchange(d, d->arena, DEVICE_AGENT_SCEP, &request, &answer);

	if (rc != RC_OK)
		return rc;
	s->nonce = http_client_header(&answer, "Replay-Nonce");
	return s->nonce != NULL ? RC_OK : fail(&d->err, RC_BAD_INPUT, "ACME newNonce brought no Replay-Nonce");
}

/* What a problem document says, for a person. */
static const char *
problem_of(struct arena *a, const json_t *problem)
{
	const char *type = json_get_text(problem, "type"), *detail = json_get_text(problem, "detail");
	const char *last = type != NULL ? strrchr(type, ':') : NULL;

	return arena_printf(a, "%s: %s", last != NULL ? last + 1 : "no type", detail != NULL ? detail : "no reason");
}

static bool
bad_nonce(struct arena *a, const struct http_client_answer *answer)
{
	json_t *problem;
	const char *type;

	if (answer->status != 400 || json_parse(a, answer->body, &problem, NULL) != RC_OK)
		return false;
	type = json_get_text(problem, "type");
	return type != NULL && strcmp(type, "urn:ietf:params:acme:error:badNonce") == 0;
}

/* One signed request. A nonce that the server does not like is replaced once (RFC 8555 6.5), unless that is the fault
 * that is played. */
static enum rc
post(struct session *s, const char *url, json_t *payload, struct http_client_answer *answer)
{
	static const char *const headers[] = { "Content-Type: application/jose+json", NULL };
	struct device *d = s->d;
	struct http_client_request request = { .method = "POST", .url = url, .headers = headers };
	const char *used;
	json_t *problem;
	enum rc rc;

	for (int i = 0;; i++) {
		if (s->nonce == NULL && (rc = get_nonce(s)) != RC_OK)
			return rc;
		used = s->nonce;
		if ((rc = jws_of(s, url, payload, &request.body)) != RC_OK ||
		    (rc = device_exchange(d, d->arena, DEVICE_AGENT_SCEP, &request, answer)) != RC_OK)
			return rc;
		s->nonce = http_client_header(answer, "Replay-Nonce");
		if (!bad_nonce(d->arena, answer) || i > 0 || device_acme_fault(d, "nonce-replay"))
			break;
	}
	if (device_acme_fault(d, "nonce-replay") && s->kid != NULL)
		s->nonce = used;
	if (answer->status >= 200 && answer->status < 300)
		return RC_OK;
	if (json_parse(d->arena, answer->body, &problem, NULL) == RC_OK)
		return fail(&d->err, RC_FORBIDDEN, "ACME: the server refused (%s)", problem_of(d->arena, problem));
	return fail(&d->err, RC_UNAVAILABLE, "ACME: the server answered %d", answer->status);
}

static enum rc
post_for_json(struct session *s, const char *url, json_t *payload, struct http_client_answer *answer, json_t **out)
{
	enum rc rc = post(s, url, payload, answer);

	if (rc == RC_OK && (rc = json_parse(s->d->arena, answer->body, out, &s->d->err)) != RC_OK)
		return fail_in(&s->d->err, rc, "ACME answer");
	return rc;
}

static enum rc
text_of(struct device *d, const json_t *document, const char *what, const char *key, const char **out)
{
	*out = json_get_text(document, key);
	return *out != NULL ? RC_OK : fail(&d->err, RC_BAD_INPUT, "the ACME %s has no %s", what, key);
}

/* ---- the way ---- */

static enum rc
get_directory(struct session *s)
{
	struct device *d = s->d;
	const struct http_client_request request = { .method = "GET", .url = s->acme->directory, .follow = true };
	struct http_client_answer answer;
	json_t *directory;
	enum rc rc = device_exchange(d, d->arena, DEVICE_AGENT_SCEP, &request, &answer);

	if (rc == RC_OK && answer.status != 200)
		return fail(&d->err, RC_UNAVAILABLE, "the ACME directory answered %d", answer.status);
	if (rc != RC_OK || (rc = json_parse(d->arena, answer.body, &directory, &d->err)) != RC_OK)
		return rc;
	if ((rc = text_of(d, directory, "directory", "newNonce", &s->new_nonce)) != RC_OK ||
	    (rc = text_of(d, directory, "directory", "newAccount", &s->new_account)) != RC_OK)
		return rc;
	return text_of(d, directory, "directory", "newOrder", &s->new_order);
}

static enum rc
make_account(struct session *s)
{
	struct device *d = s->d;
	json_t *agreed = json_keep(d->arena, json_pack("{s:b}", "termsOfServiceAgreed", 1));
	struct http_client_answer answer;
	enum rc rc;

	if ((rc = x509_key_new(d->arena, X509_P256, &s->account_key, &d->err)) != RC_OK ||
	    (rc = post(s, s->new_account, agreed, &answer)) != RC_OK)
		return rc;
	s->kid = http_client_header(&answer, "Location");
	return s->kid != NULL ? RC_OK : fail(&d->err, RC_BAD_INPUT, "the ACME account has no Location");
}

/* Ask until it is none of the states that pass. */
static enum rc
settle(struct session *s, const char *url, const char *passing, json_t **out)
{
	struct http_client_answer answer;
	const char *state = NULL;
	enum rc rc;

	for (int i = 0; i < POLLS_MAX; i++) {
		const struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };

		if ((rc = post_for_json(s, url, NULL, &answer, out)) != RC_OK ||
		    (rc = text_of(s->d, *out, "object", "status", &state)) != RC_OK)
			return rc;
		if (strcmp(state, passing) != 0 && strcmp(state, "processing") != 0)
			return RC_OK;
		nanosleep(&pause, NULL);
	}
	return fail(&s->d->err, RC_UNAVAILABLE, "ACME: still %s after %d questions", state, POLLS_MAX);
}

static const json_t *
attest_challenge(const json_t *authorization)
{
	const json_t *list = json_object_get(authorization, "challenges"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *type = json_get_text(one, "type");

		if (type != NULL && strcmp(type, "device-attest-01") == 0)
			return one;
	}
	return NULL;
}

static enum rc
answer_challenge(struct session *s, const json_t *challenge)
{
	struct device *d = s->d;
	struct http_client_answer answer;
	const char *url, *token;
	struct bytes spki, object;
	json_t *reply, *ignored;
	enum rc rc;

	if ((rc = text_of(d, challenge, "challenge", "url", &url)) != RC_OK ||
	    (rc = text_of(d, challenge, "challenge", "token", &token)) != RC_OK ||
	    (rc = x509_key_public(d->arena, s->key, &spki, &d->err)) != RC_OK ||
	    (rc = device_attest(d, spki, token, s->acme->attest, &object)) != RC_OK)
		return rc;
	story_detail(&d->story, "attestation", "%zu octets", object.n);
	reply = json_keep(d->arena, json_pack("{s:s}", "attObj", base64url_encode(d->arena, object)));
	return post_for_json(s, url, reply, &answer, &ignored);
}

static enum rc
authorize(struct session *s, const char *url)
{
	struct device *d = s->d;
	const json_t *challenge, *error;
	struct http_client_answer answer;
	json_t *authorization;
	const char *state;
	enum rc rc;

	if ((rc = post_for_json(s, url, NULL, &answer, &authorization)) != RC_OK)
		return rc;
	if ((challenge = attest_challenge(authorization)) == NULL)
		return fail(&d->err, RC_BAD_INPUT, "the ACME server offers no device-attest-01");
	if ((rc = answer_challenge(s, challenge)) != RC_OK || (rc = settle(s, url, "pending", &authorization)) != RC_OK)
		return rc;
	state = json_get_text(authorization, "status");
	if (state != NULL && strcmp(state, "valid") == 0)
		return RC_OK;
	error = json_object_get(attest_challenge(authorization), "error");
	return fail(&d->err, RC_FORBIDDEN, "ACME: the authorization is %s (%s)", state != NULL ? state : "nothing",
	    error != NULL ? problem_of(d->arena, error) : "no reason");
}

/* `order` is its newest state, `url` where it is. */
static enum rc
finish(struct session *s, const char *url, json_t *order, json_t **out)
{
	struct device *d = s->d;
	struct x509_name subject = { .cn = s->acme->cn, .o = s->acme->o };
	struct http_client_answer answer;
	struct bytes csr, key = s->key;
	const char *finalize;
	json_t *asked;
	enum rc rc;

	if (device_acme_fault(d, "other-key") && (rc = make_key(d, s->acme, &key)) != RC_OK)
		return rc;
	if (subject.cn == NULL && subject.o == NULL)
		subject.cn = "identity";
	if ((rc = text_of(d, order, "order", "finalize", &finalize)) != RC_OK ||
	    (rc = x509_csr_new(d->arena, &subject, key, NULL, &csr, &d->err)) != RC_OK)
		return rc;
	asked = json_keep(d->arena, json_pack("{s:s}", "csr", base64url_encode(d->arena, csr)));
	if ((rc = post_for_json(s, finalize, asked, &answer, out)) != RC_OK)
		return rc;
	return settle(s, url, "ready", out);
}

static enum rc
fetch(struct session *s, const json_t *order, struct bytes *certificate)
{
	struct device *d = s->d;
	struct http_client_answer answer;
	struct bytes *chain;
	const char *url;
	enum rc rc;
	int n;

	if ((rc = text_of(d, order, "order", "certificate", &url)) != RC_OK ||
	    (rc = post(s, url, NULL, &answer)) != RC_OK)
		return rc;
	if (answer.type == NULL || strcmp(answer.type, "application/pem-certificate-chain") != 0)
		return fail(&d->err, RC_BAD_INPUT, "the ACME certificate has the media type %s",
		    answer.type != NULL ? answer.type : "none");
	if ((rc = x509_from_pem(d->arena, answer.body, &chain, &n, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "the ACME certificate");
	/* The leaf comes first (RFC 8555 7.4.2), and what follows issued it. */
	if (n < 1 || !x509_matches(chain[0], s->key))
		return fail(&d->err, RC_BAD_INPUT, "the ACME certificate is not for our key");
	*certificate = chain[0];
	if (n > 1 && (rc = x509_verify(chain[0], chain, n, chain + 1, n - 1, clock_now(), false, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "the issued certificate");
	return RC_OK;
}

static enum rc
order_certificate(struct session *s, struct bytes *certificate)
{
	struct device *d = s->d;
	json_t *wanted = json_keep(d->arena, json_pack("{s:[{s:s, s:s}]}", "identifiers", "type",
						 "permanent-identifier", "value", s->acme->client_identifier)),
	       *order;
	struct http_client_answer answer;
	const char *url, *authorization;
	enum rc rc;

	if ((rc = post_for_json(s, s->new_order, wanted, &answer, &order)) != RC_OK)
		return rc;
	url = http_client_header(&answer, "Location");
	authorization = json_string_value(json_array_get(json_object_get(order, "authorizations"), 0));
	if (url == NULL || authorization == NULL)
		return fail(&d->err, RC_BAD_INPUT, "the ACME order has no Location or no authorization");
	if ((rc = authorize(s, authorization)) != RC_OK || (rc = finish(s, url, order, &order)) != RC_OK)
		return rc;
	return fetch(s, order, certificate);
}

enum rc
device_acme_enroll(struct device *d, const struct device_acme *acme, struct bytes *key, struct bytes *certificate)
{
	struct session s = { .d = d, .acme = acme };
	struct x509_info info;
	enum rc rc;

	story_step(&d->story, "acme", "Ask for the identity certificate (ACME)");
	if ((rc = check_payload(d, acme)) != RC_OK || (rc = make_key(d, acme, &s.key)) != RC_OK ||
	    (rc = get_directory(&s)) != RC_OK || (rc = make_account(&s)) != RC_OK ||
	    (rc = order_certificate(&s, certificate)) != RC_OK)
		return rc;
	*key = s.key;
	if (x509_parse(d->arena, *certificate, &info, NULL) == RC_OK) {
		story_detail(&d->story, "certificate", "%s, serial %s, until %s", info.subject, info.serial,
		    clock_rfc3339(d->arena, info.not_after));
		story_detail(&d->story, "issuer", "%s", info.issuer);
	}
	return RC_OK;
}
