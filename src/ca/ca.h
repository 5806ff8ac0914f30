/* The enrollment CA of an organization: request in, certificate out. Knows neither SCEP nor ACME. */
#ifndef CA_CA_H
#define CA_CA_H

#include <stdbool.h>

#include "base/call.h"

#define CA_CHALLENGE_LIFE_S 3600

/* Make the CA of an organization (keys "ca-<org>", RSA 2048 since SCEP needs key encipherment; ten years)
 * and its profile signer ("profile-<org>") and GetToken pair ("maid-<org>", RSA 2048, self-signed). Idempotent. */
struct keys;
enum rc ca_make(struct keys *k, struct arena *a, const char *organization_id, const char *organization_name,
    int64_t now, struct err *e);

/* Another certificate for the same key of `kind` ("ca", "profile", "maid"), good for as long again: what was issued by it
 * or signed with it stays good. RC_BAD_INPUT: no such kind. */
enum rc ca_renew(struct keys *k, struct arena *a, const char *kind, const char *organization_id,
    const char *organization_name, int64_t now, struct err *e);

/* A one-time challenge for a pending enrollment; 43 characters. It is good at one door only ("scep", "acme"): what one
 * of them asks besides can't be passed by at the other. */
enum rc ca_challenge(
    struct call *c, const char *organization_id, const char *enrollment_id, const char *door, const char **challenge);

struct ca_challenge {
	struct bytes hash;
	const char *enrollment_id;
	int64_t expires_at;
	bool spent;
};
/* Look at a challenge. RC_NOT_FOUND: unknown here, another door's, or expired and not spent. */
enum rc ca_challenge_find(
    struct call *c, const char *organization_id, const char *door, const char *challenge, struct ca_challenge *out);

/* Issue for a request with its challenge. The same request again gets the same certificate; another
 * request with a spent challenge is RC_FORBIDDEN. RC_NOT_FOUND: unknown or expired challenge.
 * RC_BAD_INPUT: the request is malformed. The subject is ours: CN is the enrollment's id, O the
 * organization; what the request says is ignored, so nothing personal gets into a certificate.
 * *enrollment_id is set whenever the challenge was known, for the event. */
enum rc ca_issue(struct call *c, const char *organization_id, struct bytes csr, const char *challenge,
    struct bytes *certificate, const char **enrollment_id);

/* The same for a request that x509_csr_parse has read. */
struct x509_csr;
struct ca_request {
	const char *organization_id, *door;
	struct bytes challenge_hash; /* SHA-256 */
	struct bytes same; /* a request with the same octets here is a repeated one */
	const struct x509_csr *csr;
	/* Written with the certificate, in its unit, for a request that is repeated too; NULL: nothing. */
	enum rc (*also)(struct call *c, const char *enrollment_id, struct bytes certificate, void *arg);
	void *arg;
};
enum rc
ca_issue_read(struct call *c, const struct ca_request *in, struct bytes *certificate, const char **enrollment_id);

struct ca_certificate {
	struct bytes fingerprint, certificate, raw_key;
	const char *organization_id, *enrollment_id, *serial;
	int64_t issued_at, not_after, revoked_at;
};

/* For a statement that reads more than certificates (gate/row.c): the columns of a row called k, all but the
 * certificate itself, and their reader from `column` on. */
#define CA_COLUMNS \
	"k.fingerprint, k.raw_key, k.organization_id, k.enrollment_id, k.serial, k.issued_at, k.not_after," \
	" k.revoked_at"
#define CA_N_COLUMNS 8
struct db_rows;
void ca_certificate_read(struct ca_certificate *m, const struct db_rows *r, int row, int column);

/* RC_NOT_FOUND: not issued by any of our CAs. One read by key. */
enum rc ca_find(struct call *c, struct bytes fingerprint, struct ca_certificate *out);
enum rc ca_list(struct call *c, const char *enrollment_id, struct ca_certificate **out, int *n);
enum rc ca_revoke(struct call *c, struct bytes fingerprint);

#endif
