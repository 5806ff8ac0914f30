#include "device/scep_client.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/uri.h"

struct device_scep_caps
device_scep_caps_read(struct arena *a, struct bytes text)
{
	struct device_scep_caps caps = { .digest = "SHA1", .cipher = "DES-EDE3-CBC" };
	char *rest = text.n > 0 ? arena_strndup(a, (const char *)text.p, text.n) : NULL, *line;

	while ((line = strsep(&rest, "\r\n")) != NULL) {
		line[strcspn(line, " \t")] = '\0';
		if (strcasecmp(line, "POSTPKIOperation") == 0 || strcasecmp(line, "SCEPStandard") == 0)
			caps.post = true;
		if (strcasecmp(line, "SHA-256") == 0 || strcasecmp(line, "SCEPStandard") == 0)
			caps.digest = "SHA256";
		if (strcasecmp(line, "AES") == 0 || strcasecmp(line, "SCEPStandard") == 0)
			caps.cipher = "AES-128-CBC";
	}
	return caps;
}

static const char *
operation_url(struct arena *a, const struct device_scep *s, const char *operation, const char *message)
{
	const char *query = message != NULL
				? arena_printf(a, "operation=%s&message=%s", operation, uri_encode(a, message))
				: arena_printf(a, "operation=%s", operation);

	return device_url_add_query(a, s->url, query);
}

static enum rc
get(struct device *d, const struct device_scep *s, const char *operation, struct http_client_answer *answer)
{
	struct http_client_request request = {
		.method = "GET", .url = operation_url(d->arena, s, operation, s->name), .follow = true
	};
	enum rc rc = device_exchange(d, d->arena, DEVICE_AGENT_SCEP, &request, answer);

	if (rc == RC_OK && answer->status != 200)
		return fail(&d->err, RC_UNAVAILABLE, "SCEP %s answered %d", operation, answer->status);
	return rc;
}

struct authority { /* who reads our request, and who may have issued the answer */
	struct bytes recipient, *all;
	int n;
};

static enum rc
get_ca(struct device *d, const struct device_scep *s, struct authority *out)
{
	struct http_client_answer answer;
	struct x509_info info;
	enum rc rc;

	if ((rc = get(d, s, "GetCACert", &answer)) != RC_OK)
		return rc;
	if (answer.type != NULL && strcmp(answer.type, "application/x-x509-ca-ra-cert") == 0) {
		if ((rc = cms_bag_open(d->arena, answer.body, &out->all, &out->n, &d->err)) != RC_OK)
			return fail_in(&d->err, rc, "SCEP GetCACert");
		if (out->n == 0)
			return fail(&d->err, RC_BAD_INPUT, "SCEP GetCACert brought no certificate");
		/* An RA, where there is one, is the certificate that is no CA. */
		out->recipient = out->all[0];
		for (int i = out->n - 1; i >= 0; i--)
			if (x509_parse(d->arena, out->all[i], &info, NULL) == RC_OK && !info.is_ca)
				out->recipient = out->all[i];
		return RC_OK;
	}
	if (answer.type == NULL || strcmp(answer.type, "application/x-x509-ca-cert") != 0)
		return fail(&d->err, RC_BAD_INPUT, "SCEP GetCACert has the media type %s",
		    answer.type != NULL ? answer.type : "none");
	if ((rc = x509_parse(d->arena, answer.body, &info, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "SCEP GetCACert");
	out->all = arena_alloc(d->arena, sizeof *out->all);
	out->all[0] = out->recipient = answer.body;
	out->n = 1;
	return RC_OK;
}

/* What one enrollment keeps between its messages. */
struct transaction {
	struct device *d;
	const struct device_scep *scep;
	struct device_scep_caps caps;
	struct authority ca;
	struct bytes key, self_signed, csr;
	const char *id;
};

static enum rc
prepare(struct transaction *t)
{
	struct device *d = t->d;
	struct arena *a = d->arena;
	struct x509_name subject = { .cn = t->scep->cn, .o = t->scep->o };
	struct x509_template self = { .subject = subject,
		.not_before = clock_now() - 3600,
		.not_after = clock_now() + 86400,
		.key_usage = X509_USE_SIGN | X509_USE_ENCIPHER };
	enum x509_key_kind kind = t->scep->key_size >= 4096 ? X509_RSA_4096 : X509_RSA_2048;
	struct bytes spki, nowhere = { 0 };
	enum rc rc;

	/* The payload's default of 1024 bits is what real devices would obey; no CA of today accepts it. */
	if (t->scep->key_size < 2048)
		return fail(&d->err, RC_BAD_INPUT, "the SCEP payload asks for a key of %d bits", t->scep->key_size);
	if (subject.cn == NULL && subject.o == NULL)
		self.subject.cn = subject.cn = "identity";
	t->key = d->identity_key;
	if ((t->key.p == NULL && (rc = x509_key_new(a, kind, &t->key, &d->err)) != RC_OK) ||
	    (rc = x509_key_public(a, t->key, &spki, &d->err)) != RC_OK ||
	    (rc = x509_issue(a, &self, spki, nowhere, t->key, &t->self_signed, &d->err)) != RC_OK ||
	    (rc = x509_csr_new(a, &subject, t->key, t->scep->challenge, &t->csr, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "SCEP request");
	t->id = hex_encode(a, crypto_sha256(a, spki));
	return RC_OK;
}

static enum rc
send_message(struct transaction *t, struct bytes der, struct http_client_answer *answer)
{
	static const char *const headers[] = { "Content-Type: application/x-pki-message", NULL };
	struct device *d = t->d;
	struct http_client_request request = { .method = "POST", .headers = headers, .body = der };
	enum rc rc;

	if (t->caps.post) {
		request.url = operation_url(d->arena, t->scep, "PKIOperation", NULL);
	} else {
		request = (struct http_client_request){ .method = "GET",
			.url = operation_url(d->arena, t->scep, "PKIOperation", base64_encode(d->arena, der)) };
	}
	if ((rc = device_exchange(d, d->arena, DEVICE_AGENT_SCEP, &request, answer)) != RC_OK)
		return rc;
	if (answer->status != 200)
		return fail(&d->err, RC_UNAVAILABLE, "SCEP PKIOperation answered %d", answer->status);
	if (answer->type == NULL || strcmp(answer->type, "application/x-pki-message") != 0)
		return fail(&d->err, RC_BAD_INPUT, "SCEP PKIOperation has the media type %s",
		    answer->type != NULL ? answer->type : "none");
	return RC_OK;
}

/* One PKCSReq or CertPoll and its CertRep. */
static enum rc
exchange(struct transaction *t, enum scep_type type, struct scep_message *reply)
{
	struct device *d = t->d;
	uint8_t nonce[16];
	struct scep_message m = { .type = type,
		.transaction_id = t->id,
		.sender_nonce = bytes_of(nonce, sizeof nonce),
		.content = t->csr,
		.digest = t->caps.digest,
		.cipher = t->caps.cipher };
	struct http_client_answer answer;
	struct bytes der;
	enum rc rc;

	crypto_random(nonce, sizeof nonce);
	if ((rc = scep_build(d->arena, &m, t->ca.recipient, t->self_signed, t->key, &der, &d->err)) != RC_OK ||
	    (rc = send_message(t, der, &answer)) != RC_OK)
		return rc;
	if ((rc = scep_open(d->arena, answer.body, t->self_signed, t->key, reply, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "SCEP answer");
	if (reply->type != SCEP_CERT_REP || reply->transaction_id == NULL || strcmp(reply->transaction_id, t->id) != 0)
		return fail(&d->err, RC_BAD_INPUT, "the SCEP answer belongs to another transaction");
	if (!bytes_eq(reply->recipient_nonce, m.sender_nonce))
		return fail(&d->err, RC_BAD_INPUT, "the SCEP answer's recipientNonce is not our senderNonce");
	for (int i = 0; i < t->ca.n; i++)
		if (bytes_eq(t->ca.all[i], reply->signer))
			return RC_OK;
	return fail(&d->err, RC_FORBIDDEN, "the SCEP answer is not signed by the CA of GetCACert");
}

static enum rc
pick_certificate(struct transaction *t, const struct scep_message *reply, struct bytes *certificate)
{
	struct device *d = t->d;
	struct bytes *all;
	enum rc rc;
	int n;

	if ((rc = cms_bag_open(d->arena, reply->content, &all, &n, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "certificates of the SCEP answer");
	for (int i = 0; i < n; i++) {
		if (x509_matches(all[i], t->key)) {
			*certificate = all[i];
			rc = x509_verify(all[i], all, n, t->ca.all, t->ca.n, clock_now(), false, &d->err);
			return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "the issued certificate");
		}
	}
	return fail(&d->err, RC_BAD_INPUT, "the SCEP answer has no certificate for our key");
}

enum rc
device_scep_enroll(struct device *d, const struct device_scep *scep, struct bytes *key, struct bytes *certificate)
{
	static const char *const reasons[] = { "badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId" };
	struct transaction t = { .d = d, .scep = scep, .id = "" };
	struct http_client_answer answer;
	struct scep_message reply = { 0 };
	struct x509_info info;
	enum rc rc;

	story_step(&d->story, "scep", "Ask for the identity certificate (SCEP)");
	if ((rc = get(d, scep, "GetCACaps", &answer)) != RC_OK)
		return rc;
	t.caps = device_scep_caps_read(d->arena, answer.body);
	story_detail(&d->story, "algorithms", "%s, %s, %s", t.caps.digest, t.caps.cipher, t.caps.post ? "POST" : "GET");
	if (device_is_strict(d, DEVICE_MODERN_SCEP) &&
	    (strcmp(t.caps.digest, "SHA256") != 0 || strcmp(t.caps.cipher, "AES-128-CBC") != 0))
		return fail(&d->err, RC_FORBIDDEN, "the CA does not name SHA-256 and AES");
	if ((rc = get_ca(d, scep, &t.ca)) != RC_OK || (rc = prepare(&t)) != RC_OK ||
	    (rc = exchange(&t, SCEP_PKCS_REQ, &reply)) != RC_OK)
		return rc;
	for (int i = 0; reply.status == SCEP_PENDING && i < scep->retries; i++) {
		/* The first retry is immediate. */
		struct timespec pause = { .tv_sec = i == 0 ? 0 : scep->retry_delay_s };

		nanosleep(&pause, NULL);
		if ((rc = exchange(&t, SCEP_PKCS_REQ, &reply)) != RC_OK)
			return rc;
	}
	if (reply.status == SCEP_PENDING)
		return fail(&d->err, RC_UNAVAILABLE, "SCEP: still pending after %d retries", scep->retries);
	if (reply.status != SCEP_SUCCESS)
		return fail(&d->err, RC_FORBIDDEN, "SCEP: the CA refused (%s)",
		    (unsigned)reply.fail < sizeof reasons / sizeof *reasons ? reasons[reply.fail] : "unknown reason");
	if ((rc = pick_certificate(&t, &reply, certificate)) != RC_OK)
		return rc;
	*key = t.key;
	if (x509_parse(d->arena, *certificate, &info, NULL) == RC_OK) {
		story_detail(&d->story, "certificate", "%s, serial %s, until %s", info.subject, info.serial,
		    clock_rfc3339(d->arena, info.not_after));
		story_detail(&d->story, "issuer", "%s", info.issuer);
	}
	return RC_OK;
}
