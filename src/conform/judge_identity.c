/* The identity that the profile asks for: what SCEP or ACME answered. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "conform/check.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/uri.h"

/* ---- SCEP ---- */

/* The first exchange for an operation, by the device. */
static const struct conform_exchange *
operation(const struct conform_play *p, const char *name)
{
	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];
		const char *op = x->agent == DEVICE_AGENT_SCEP ? device_url_item(p->arena, x->url, "operation") : NULL;

		if (op != NULL && strcmp(op, name) == 0 && !conform_is_probe(x))
			return x;
	}
	return NULL;
}

static bool
has_line(struct arena *a, struct bytes text, const char *name)
{
	char *rest = text.n > 0 ? arena_strndup(a, (const char *)text.p, text.n) : NULL, *line;

	while ((line = strsep(&rest, "\r\n")) != NULL) {
		line[strcspn(line, " \t")] = '\0';
		if (strcasecmp(line, name) == 0)
			return true;
	}
	return false;
}

enum conform_verdict
conform_judge_scep_caps(struct conform_play *p)
{
	static const char *const needed[] = { "POSTPKIOperation", "SHA-256", "AES" };
	const struct conform_exchange *x = operation(p, "GetCACaps");
	enum conform_verdict v = conform_is_status(p, x, 200);

	if (v != CONFORM_PASSED)
		return v;
	if (!conform_is_type(x, "text/plain"))
		return conform_deviates(p, "the media type is %s", x->answer.type != NULL ? x->answer.type : "missing");
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!has_line(p->arena, x->answer.body, needed[i]) &&
		    !has_line(p->arena, x->answer.body, "SCEPStandard"))
			return conform_deviates(p, "%s is not offered", needed[i]);
	return CONFORM_PASSED;
}

/* Bits of an RSA key, by its raw form: 'R', four octets of length, the modulus. 0: no RSA key. */
static int
rsa_bits(struct arena *a, struct bytes certificate)
{
	struct x509_info info;
	struct bytes raw;

	if (x509_parse(a, certificate, &info, NULL) != RC_OK || x509_raw_key(a, info.spki, &raw, NULL) != RC_OK ||
	    raw.n < 5 || raw.p[0] != 'R')
		return 0;
	return (int)((raw.p[1] << 24 | raw.p[2] << 16 | raw.p[3] << 8 | raw.p[4]) * 8);
}

/* The certificates of GetCACert, and the one that requests are encrypted for. */
static bool
authority(struct conform_play *p, const struct conform_exchange *x, struct bytes **all, int *n, struct bytes *recipient)
{
	struct x509_info info;

	if (conform_is_type(x, "application/x-x509-ca-cert")) {
		*all = arena_alloc(p->arena, sizeof **all);
		**all = x->answer.body;
		*n = 1;
	} else if (!conform_is_type(x, "application/x-x509-ca-ra-cert") ||
		   cms_bag_open(p->arena, x->answer.body, all, n, &p->d.err) != RC_OK || *n == 0) {
		return false;
	}
	*recipient = (*all)[0];
	for (int i = 0; i < *n; i++) {
		if (x509_parse(p->arena, (*all)[i], &info, &p->d.err) != RC_OK)
			return false;
		if (!info.is_ca)
			*recipient = (*all)[i];
	}
	return true;
}

enum conform_verdict
conform_judge_scep_ca(struct conform_play *p)
{
	const struct conform_exchange *x = operation(p, "GetCACert");
	enum conform_verdict v = conform_is_status(p, x, 200);
	struct bytes *all, recipient;
	int n, bits;

	if (v != CONFORM_PASSED)
		return v;
	if (!authority(p, x, &all, &n, &recipient))
		return conform_deviates(p, "%s as %s", p->d.err.rc != RC_OK ? p->d.err.text : "no certificates",
		    x->answer.type != NULL ? x->answer.type : "no media type");
	if ((bits = rsa_bits(p->arena, recipient)) < 2048)
		return conform_deviates(p, bits == 0 ? "the key is no RSA key" : "the key has %d bits", bits);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_scep_answer(struct conform_play *p)
{
	const struct conform_exchange *x = operation(p, "PKIOperation");
	enum conform_verdict v = conform_is_status(p, x, 200);

	if (v != CONFORM_PASSED)
		return v;
	if (!conform_is_type(x, "application/x-pki-message"))
		return conform_deviates(p, "the media type is %s", x->answer.type != NULL ? x->answer.type : "missing");
	return CONFORM_PASSED;
}

/* The certificate that a CertRep brought for the device's key. `request` is what it answers: its signer is whom the
 * answer is encrypted for. */
static bool
issued(struct conform_play *p, struct bytes request, const struct conform_exchange *x, struct bytes *certificate,
    enum scep_status *status)
{
	struct cms_signed outer;
	struct scep_message reply = { 0 };
	struct bytes *all;
	int n;

	*certificate = (struct bytes){ 0 };
	*status = SCEP_FAILURE;
	if (!x->answered || x->answer.status != 200 ||
	    cms_verify(p->arena, request, (struct bytes){ 0 }, &outer, &p->d.err) != RC_OK ||
	    scep_open(p->arena, x->answer.body, outer.signer, p->d.identity_key, &reply, &p->d.err) != RC_OK)
		return false;
	*status = reply.status;
	if (reply.status != SCEP_SUCCESS || cms_bag_open(p->arena, reply.content, &all, &n, &p->d.err) != RC_OK)
		return false;
	for (int i = 0; i < n; i++)
		if (x509_matches(all[i], p->d.identity_key))
			*certificate = all[i];
	return certificate->p != NULL;
}

/* The certificate of the device's own exchange. */
static bool
identity(struct conform_play *p, const struct conform_exchange **request, struct bytes *certificate)
{
	enum scep_status status;

	*request = operation(p, "PKIOperation");
	return *request != NULL && (*request)->sent.p != NULL &&
	       issued(p, (*request)->sent, *request, certificate, &status);
}

enum conform_verdict
conform_judge_identity_certificate(struct conform_play *p)
{
	const struct conform_exchange *x;
	struct bytes certificate;
	struct x509_info info;

	if (!identity(p, &x, &certificate))
		return CONFORM_NOT_REACHED;
	if (x509_parse(p->arena, certificate, &info, &p->d.err) != RC_OK)
		return conform_deviates(p, "%s", p->d.err.text);
	if (info.is_ca)
		return conform_deviates(p, "it is a CA's");
	if (info.not_before > clock_now() || info.not_after < clock_now() + 86400)
		return conform_deviates(p, "it is valid from %s to %s", clock_rfc3339(p->arena, info.not_before),
		    clock_rfc3339(p->arena, info.not_after));
	return CONFORM_PASSED;
}

/* A SCEP message once more, or another one. */
static const struct conform_exchange *
send_scep(struct conform_play *p, struct bytes der, bool by_get)
{
	static const char *const headers[] = { "Content-Type: application/x-pki-message", NULL };
	struct http_client_request request = { .method = "POST", .headers = headers, .body = der };

	request.url = device_url_add_query(p->arena, p->profile.scep.url, "operation=PKIOperation");
	if (by_get)
		request = (struct http_client_request){ .method = "GET",
			.url = device_url_add_query(p->arena, p->profile.scep.url,
			    arena_printf(p->arena, "operation=PKIOperation&message=%s",
				uri_encode(p->arena, base64_encode(p->arena, der)))) };
	return conform_ask(p, "probe-scep", DEVICE_AGENT_SCEP, &request);
}

enum conform_verdict
conform_judge_scep_repeated(struct conform_play *p)
{
	const struct conform_exchange *x;
	enum scep_status status;
	struct bytes certificate, again;

	if (!identity(p, &x, &certificate))
		return CONFORM_NOT_REACHED;
	for (int by_get = 0; by_get < 2; by_get++) {
		const struct conform_exchange *y = send_scep(p, x->sent, by_get == 1);

		if (!issued(p, x->sent, y, &again, &status))
			return conform_deviates(p, "by %s: %s%s%s", by_get == 1 ? "GET" : "POST",
			    conform_status_text(p, y), p->d.err.rc != RC_OK ? ", " : "", p->d.err.text);
		if (!bytes_eq(again, certificate))
			return conform_deviates(p, "by %s: another certificate", by_get == 1 ? "GET" : "POST");
	}
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_scep_challenge_once(struct conform_play *p)
{
	const struct conform_exchange *x = operation(p, "GetCACert"), *answered;
	struct x509_name subject = { .cn = "another" };
	struct x509_template self = { .subject = subject,
		.not_before = clock_now() - 3600,
		.not_after = clock_now() + 86400,
		.key_usage = X509_USE_SIGN | X509_USE_ENCIPHER };
	struct bytes *all, recipient, key, spki, certificate, csr, der;
	struct scep_message m = { .type = SCEP_PKCS_REQ, .digest = "SHA256", .cipher = "AES-128-CBC" };
	struct scep_message reply;
	struct arena *a = p->arena;
	int n;

	if (x == NULL || !x->answered || !identity(p, &answered, &certificate) ||
	    !authority(p, x, &all, &n, &recipient))
		return CONFORM_NOT_REACHED;
	if (x509_key_new(a, X509_RSA_2048, &key, &p->d.err) != RC_OK ||
	    x509_key_public(a, key, &spki, &p->d.err) != RC_OK ||
	    x509_issue(a, &self, spki, (struct bytes){ 0 }, key, &certificate, &p->d.err) != RC_OK ||
	    x509_csr_new(a, &subject, key, p->profile.scep.challenge, &csr, &p->d.err) != RC_OK)
		return conform_saw(p, CONFORM_NOT_REACHED, "%s", p->d.err.text);
	m.transaction_id = hex_encode(a, crypto_sha256(a, spki));
	m.sender_nonce = bytes_str(arena_strndup(a, crypto_token(a), 16));
	m.content = csr;
	if (scep_build(a, &m, recipient, certificate, key, &der, &p->d.err) != RC_OK)
		return conform_saw(p, CONFORM_NOT_REACHED, "%s", p->d.err.text);
	x = send_scep(p, der, false);
	if (!x->answered || x->answer.status >= 500)
		return conform_deviates(p, "%s", conform_status_text(p, x));
	if (x->answer.status == 200 && scep_open(a, x->answer.body, certificate, key, &reply, NULL) == RC_OK &&
	    reply.status != SCEP_FAILURE)
		return conform_deviates(p, "the CA issues another certificate");
	return CONFORM_PASSED;
}

/* ---- ACME ---- */

enum conform_verdict
conform_judge_acme_directory(struct conform_play *p)
{
	static const char *const names[] = { "newNonce", "newAccount", "newOrder" };
	const struct conform_exchange *x = NULL;
	json_t *root;

	for (int i = 0; i < p->tape.n && x == NULL; i++)
		if (strcmp(p->tape.all[i]->url, p->profile.acme.directory) == 0)
			x = p->tape.all[i];
	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if (!x->answered || x->answer.status != 200 || json_parse(p->arena, x->answer.body, &root, NULL) != RC_OK)
		return conform_deviates(p, "%s, no JSON", conform_status_text(p, x));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *url = json_get_text(root, names[i]);

		if (url == NULL || !device_url_is(url, "https"))
			return conform_deviates(p, "%s is %s", names[i], url != NULL ? url : "missing");
	}
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_acme_types(struct conform_play *p)
{
	bool any = false;

	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];
		const char *type = conform_sent_header(x, "Content-Type");

		if (type == NULL || strcmp(type, "application/jose+json") != 0 || !x->answered)
			continue;
		any = true;
		if (conform_header(x, "Replay-Nonce") == NULL)
			return conform_deviates(p, "%s: no Replay-Nonce", x->url);
		if (x->answer.status >= 400 && !conform_is_type(x, "application/problem+json"))
			return conform_deviates(p, "%s: %d as %s", x->url, x->answer.status,
			    x->answer.type != NULL ? x->answer.type : "nothing");
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_REACHED;
}
