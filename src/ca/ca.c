#include "ca/ca.h"

#include <string.h>

#include "config/config.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "keys/keys.h"
#include "store/store.h"

#define CA_LIFE_S (10 * 365 * 86400LL)
#define BACKDATE_S 3600 /* a device whose clock is behind must not find its certificate in the future */

struct make {
	const char *prefix, *cn;
	unsigned key_usage, ext_usage;
	bool is_ca;
};

/* One key and its first certificate: self-signed, or by the CA that was made before it. */
static enum rc
make_one(struct keys *k, struct arena *a, const struct make *m, const char *org, const char *name, int64_t now,
    struct err *e)
{
	const char *key = arena_printf(a, "%s-%s", m->prefix, org);
	struct x509_template t = {
		.subject = { .cn = m->cn, .o = name },
		.not_before = now - BACKDATE_S,
		.not_after = now + CA_LIFE_S,
		.is_ca = m->is_ca,
		.key_usage = m->key_usage,
		.ext_usage = m->ext_usage,
	};
	struct bytes spki, certificate;
	enum rc rc;

	if ((rc = keys_make(k, key, X509_RSA_2048, e)) != RC_OK && rc != RC_CONFLICT)
		return rc;
	if ((rc = keys_public(k, a, key, &spki, e)) != RC_OK)
		return rc;
	if ((rc = keys_issue(k, a, key, &t, spki, &certificate, e)) != RC_OK)
		return rc;
	return keys_put_certificates(k, key, &certificate, 1, e);
}

static const struct make kinds[] = {
	{ "ca", "Enrollment CA", X509_USE_CERT_SIGN | X509_USE_CRL_SIGN | X509_USE_SIGN | X509_USE_ENCIPHER, 0, true },
	{ "profile", "Enrollment profiles", X509_USE_SIGN, X509_EXT_EMAIL, false },
	/* Signs for GetToken, and Apple encrypts the server token for it (RFC 5280 4.2.1.3). */
	{ "maid", "Device management service", X509_USE_SIGN | X509_USE_ENCIPHER, 0, false },
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

enum rc
ca_renew(struct keys *k, struct arena *a, const char *kind, const char *organization_id, const char *organization_name,
    int64_t now, struct err *e)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].prefix, kind) == 0)
			return make_one(k, a, &kinds[i], organization_id, organization_name, now, e);
	}
	return fail(e, RC_BAD_INPUT, "ca, profile and maid can be renewed, not %.40s", kind);
}

enum rc
ca_make(struct keys *k, struct arena *a, const char *organization_id, const char *organization_name, int64_t now,
    struct err *e)
{
	struct bytes *there;
	struct err ignored;
	enum rc rc;
	int n;

	for (size_t i = 0; i < N_KINDS; i++) {
		const char *key = arena_printf(a, "%s-%s", kinds[i].prefix, organization_id);

		if (keys_certificates(k, a, key, &there, &n, &ignored) == RC_OK && n > 0)
			continue;
		if ((rc = make_one(k, a, &kinds[i], organization_id, organization_name, now, e)) != RC_OK)
			return fail_in(e, rc, "make %s", key);
	}
	return RC_OK;
}

enum rc
ca_challenge(
    struct call *c, const char *organization_id, const char *enrollment_id, const char *door, const char **challenge)
{
	static const char sql[] = "INSERT INTO scep_challenge (hash, organization_id, enrollment_id, door, expires_at)"
				  " VALUES (?1, ?2, ?3, ?4, ?5)";
	enum rc rc;

	*challenge = crypto_token(c->arena);
	rc = store_run(c, sql,
	    DB_ARGS(db_blob(crypto_sha256_text(c->arena, *challenge)), db_text(organization_id), db_text(enrollment_id),
		db_text(door), db_int(c->now + CA_CHALLENGE_LIFE_S)),
	    NULL);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "make challenge");
}

static enum rc
find(struct call *c, const char *organization_id, const char *door, struct bytes hash, struct ca_challenge *out)
{
	static const char sql[] =
	    "SELECT enrollment_id, expires_at, csr_hash FROM scep_challenge WHERE hash = ?1 AND organization_id = ?2"
	    " AND door = ?3 AND (expires_at > ?4 OR csr_hash IS NOT NULL)";
	struct db_rows r;
	enum rc rc =
	    store_run(c, sql, DB_ARGS(db_blob(hash), db_text(organization_id), db_text(door), db_int(c->now)), &r);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "find challenge");
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the challenge is unknown or expired");
	*out = (struct ca_challenge){ .hash = hash,
		.enrollment_id = db_get_text(&r, 0, 0),
		.expires_at = db_get_int(&r, 0, 1),
		.spent = !db_is_null(&r, 0, 2) };
	return RC_OK;
}

enum rc
ca_challenge_find(
    struct call *c, const char *organization_id, const char *door, const char *challenge, struct ca_challenge *out)
{
	return find(c, organization_id, door, crypto_sha256_text(c->arena, challenge), out);
}

/* ---- issuing ---- */

struct issue {
	const char *organization_id, *enrollment_id;
	struct bytes challenge_hash, csr_hash;
	struct ca_certificate made; /* signed before the unit: nothing is signed inside one */
	struct bytes certificate; /* the one that counts */
	bool repeated; /* nothing was made */
	const struct ca_request *in;
};

static enum rc
spent_for(struct call *c, const struct issue *i, struct bytes *certificate)
{
	static const char sql[] = "SELECT s.csr_hash, c.certificate FROM scep_challenge s"
				  " JOIN certificate c ON c.fingerprint = s.fingerprint WHERE s.hash = ?1";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_blob(i->challenge_hash)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the challenge is expired");
	if (!bytes_eq(db_get_blob(&r, 0, 0), i->csr_hash))
		return fail(&c->err, RC_FORBIDDEN, "the challenge was spent for another request");
	*certificate = db_get_blob(&r, 0, 1);
	return RC_OK;
}

static enum rc
spend(struct call *c, struct issue *i)
{
	static const char spend_sql[] =
	    "UPDATE scep_challenge SET csr_hash = ?2, fingerprint = ?3"
	    " WHERE hash = ?1 AND csr_hash IS NULL AND expires_at > ?4 RETURNING enrollment_id";
	static const char insert_sql[] =
	    "INSERT INTO certificate (fingerprint, organization_id, serial, enrollment_id,"
	    " certificate, raw_key, issued_at, not_after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	const struct ca_certificate *m = &i->made;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, spend_sql,
	    DB_ARGS(db_blob(i->challenge_hash), db_blob(i->csr_hash), db_blob(m->fingerprint), db_int(c->now)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return spent_for(c, i, &i->certificate);
	i->certificate = m->certificate;
	return store_run(c, insert_sql,
	    DB_ARGS(db_blob(m->fingerprint), db_text(i->organization_id), db_text(m->serial), db_text(i->enrollment_id),
		db_blob(m->certificate), db_blob(m->raw_key), db_int(c->now), db_int(m->not_after)),
	    NULL);
}

static enum rc
issue_in_unit(struct call *c, void *arg)
{
	struct issue *i = arg;
	enum rc rc = i->repeated ? spent_for(c, i, &i->certificate) : spend(c, i);

	if (rc == RC_OK && i->in->also != NULL)
		rc = i->in->also(c, i->enrollment_id, i->certificate, i->in->arg);
	return rc;
}

static enum rc
sign(struct call *c, struct issue *i, const struct x509_csr *request)
{
	const char *key = arena_printf(c->arena, "ca-%s", i->organization_id);
	struct x509_template t = {
		.subject = { .cn = i->enrollment_id },
		.not_before = c->now - BACKDATE_S,
		.not_after = c->now + c->conf->identity_life_s,
		/* RFC 5480 3: a key on a curve enciphers no key. */
		.key_usage = request->is_rsa ? X509_USE_SIGN | X509_USE_ENCIPHER : X509_USE_SIGN,
		.ext_usage = X509_EXT_CLIENT,
		.o_of_issuer = true,
		.spki_is_good = true,
	};
	struct ca_certificate *m = &i->made;
	struct bytes *chain;
	enum rc rc;
	int n;

	/* Without one it would sign itself. */
	if ((rc = keys_certificates(c->keys, c->arena, key, &chain, &n, &c->err)) != RC_OK)
		return rc;
	if ((rc = keys_issue(c->keys, c->arena, key, &t, request->spki, &m->certificate, &c->err)) != RC_OK)
		return rc;
	m->fingerprint = crypto_sha256(c->arena, m->certificate);
	m->not_after = t.not_after;
	m->raw_key = request->raw_key;
	if ((m->serial = x509_serial(c->arena, m->certificate)) == NULL)
		return fail(&c->err, RC_INTERNAL, "a certificate without a serial number was made");
	return RC_OK;
}

enum rc
ca_issue(struct call *c, const char *organization_id, struct bytes csr, const char *challenge,
    struct bytes *certificate, const char **enrollment_id)
{
	struct x509_csr request;
	enum rc rc = x509_csr_parse(c->arena, csr, &request, &c->err);

	*enrollment_id = NULL;
	if (rc != RC_OK)
		return rc == RC_FORBIDDEN ? RC_BAD_INPUT : rc;
	return ca_issue_read(c,
	    &(struct ca_request){ .organization_id = organization_id,
		.door = "scep",
		.challenge_hash = crypto_sha256_text(c->arena, challenge),
		.same = csr,
		.csr = &request },
	    certificate, enrollment_id);
}

enum rc
ca_issue_read(struct call *c, const struct ca_request *in, struct bytes *certificate, const char **enrollment_id)
{
	struct issue i = { .organization_id = in->organization_id, .challenge_hash = in->challenge_hash, .in = in };
	struct ca_challenge known = { 0 };
	enum rc rc;

	*enrollment_id = NULL;
	if ((rc = find(c, in->organization_id, in->door, in->challenge_hash, &known)) != RC_OK)
		return rc;
	*enrollment_id = i.enrollment_id = known.enrollment_id;
	i.csr_hash = crypto_sha256(c->arena, in->same);
	i.repeated = known.spent;
	if ((!i.repeated && (rc = sign(c, &i, in->csr)) != RC_OK) || (rc = store_unit(c, issue_in_unit, &i)) != RC_OK)
		return rc;
	*certificate = i.certificate;
	return RC_OK;
}

/* ---- looking ---- */

#define COLUMNS CA_COLUMNS ", k.certificate"

void
ca_certificate_read(struct ca_certificate *m, const struct db_rows *r, int row, int column)
{
	*m = (struct ca_certificate){
		.fingerprint = db_get_blob(r, row, column),
		.raw_key = db_get_blob(r, row, column + 1),
		.organization_id = db_get_text(r, row, column + 2),
		.enrollment_id = db_get_text(r, row, column + 3),
		.serial = db_get_text(r, row, column + 4),
		.issued_at = db_get_int(r, row, column + 5),
		.not_after = db_get_int(r, row, column + 6),
		.revoked_at = db_get_int(r, row, column + 7),
	};
}

static void
certificate_from_row(struct ca_certificate *m, const struct db_rows *r, int row)
{
	ca_certificate_read(m, r, row, 0);
	m->certificate = db_get_blob(r, row, CA_N_COLUMNS);
}

enum rc
ca_find(struct call *c, struct bytes fingerprint, struct ca_certificate *out)
{
	struct db_rows r;
	enum rc rc;

	rc = store_run(
	    c, "SELECT " COLUMNS " FROM certificate k WHERE k.fingerprint = ?1", DB_ARGS(db_blob(fingerprint)), &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "find certificate");
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the certificate was not issued here");
	certificate_from_row(out, &r, 0);
	return RC_OK;
}

enum rc
ca_list(struct call *c, const char *enrollment_id, struct ca_certificate **out, int *n)
{
	static const char sql[] =
	    "SELECT " COLUMNS " FROM certificate k WHERE k.enrollment_id = ?1 ORDER BY k.issued_at DESC";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id)), &r)) != RC_OK)
		return fail_in(&c->err, rc, "list certificates");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		certificate_from_row(&(*out)[i], &r, i);
	return RC_OK;
}

static enum rc
revoke_in_unit(struct call *c, void *arg)
{
	static const char sql[] = "UPDATE certificate SET revoked_at = COALESCE(revoked_at, ?2) WHERE fingerprint = ?1"
				  " RETURNING enrollment_id";
	/* Nobody enters by a pass that this certificate had a part in (enroll/pass.h). */
	static const char pass_sql[] = "UPDATE enrollment SET pass_hash = NULL WHERE id = ?1";
	const struct bytes *fingerprint = arg;
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_blob(*fingerprint), db_int(c->now)), &r)) != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "no such certificate");
	return store_run(c, pass_sql, DB_ARGS(db_text(db_get_text(&r, 0, 0))), NULL);
}

enum rc
ca_revoke(struct call *c, struct bytes fingerprint)
{
	return store_part(c, revoke_in_unit, &fingerprint);
}
