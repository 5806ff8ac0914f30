#include "keys/serve.h"

struct serving {
	struct vault *v;
	struct arena *a;
	const char *name;
	struct reading in;
	struct buf *out;
	bool apart;
	struct err e;
};

/* ---- What is passed ---- */

void
message_template(struct buf *b, const struct x509_template *t)
{
	int n = 0;

	message_text(b, t->subject.cn);
	message_text(b, t->subject.o);
	message_text(b, t->subject.uid);
	message_int(b, t->not_before);
	message_int(b, t->not_after);
	message_int(b, t->is_ca);
	message_int(b, t->allow_subordinate);
	message_int(b, t->key_usage);
	message_int(b, t->ext_usage);
	message_int(b, t->o_of_issuer);
	message_int(b, t->spki_is_good);
	while (t->dns != NULL && t->dns[n] != NULL)
		n++;
	message_int(b, n);
	for (int i = 0; i < n; i++)
		message_text(b, t->dns[i]);
	message_int(b, t->n_extensions);
	for (int i = 0; i < t->n_extensions; i++) {
		message_text(b, t->extensions[i].oid);
		message_bytes(b, t->extensions[i].value);
	}
}

void
reading_template(struct reading *r, struct arena *a, struct x509_template *t)
{
	struct x509_extension *extensions;
	const char **dns;
	int n;

	*t = (struct x509_template){ 0 };
	t->subject.cn = reading_text(r);
	t->subject.o = reading_text(r);
	t->subject.uid = reading_text(r);
	t->not_before = reading_int(r);
	t->not_after = reading_int(r);
	t->is_ca = reading_int_to(r, 1) == 1;
	t->allow_subordinate = reading_int_to(r, 1) == 1;
	t->key_usage = (unsigned)reading_int_to(r, UINT32_MAX);
	t->ext_usage = (unsigned)reading_int_to(r, UINT32_MAX);
	t->o_of_issuer = reading_int_to(r, 1) == 1;
	t->spki_is_good = reading_int_to(r, 1) == 1;
	n = (int)reading_int_to(r, KEYS_ITEMS_MAX);
	t->dns = dns = arena_array(a, (size_t)n + 1, sizeof *dns);
	for (int i = 0; i < n; i++)
		dns[i] = reading_text(r);
	t->n_extensions = (int)reading_int_to(r, KEYS_ITEMS_MAX);
	t->extensions = extensions = arena_array(a, (size_t)t->n_extensions, sizeof *extensions);
	for (int i = 0; i < t->n_extensions; i++) {
		extensions[i].oid = reading_text(r);
		extensions[i].value = reading_bytes(r);
		r->bad = r->bad || extensions[i].oid == NULL;
	}
}

void
message_scep(struct buf *b, const struct scep_message *m)
{
	message_int(b, m->type);
	message_text(b, m->transaction_id);
	message_bytes(b, m->sender_nonce);
	message_bytes(b, m->recipient_nonce);
	message_int(b, m->status);
	message_int(b, m->fail);
	message_text(b, m->digest);
}

void
reading_scep(struct reading *r, struct scep_message *m)
{
	*m = (struct scep_message){ 0 };
	m->type = (enum scep_type)reading_int_to(r, SCEP_CERT_POLL);
	m->transaction_id = reading_text(r);
	m->sender_nonce = reading_bytes(r);
	m->recipient_nonce = reading_bytes(r);
	m->status = (enum scep_status)reading_int_to(r, SCEP_PENDING);
	m->fail = (enum scep_fail)reading_int_to(r, SCEP_BAD_CERT_ID);
	m->digest = reading_text(r);
}

/* ---- Operations ---- */

/* A handler reads its arguments, says so if they are bad, and writes what it gives. */
#define READ_ALL(s) \
	do { \
		if ((s)->in.bad || (s)->in.rest.n > 0) \
			return fail(&(s)->e, RC_BAD_INPUT, "a request to the keys that is not understood"); \
	} while (0)

static enum rc
give(struct serving *s, enum rc rc, struct bytes value)
{
	if (rc == RC_OK)
		message_bytes(s->out, value);
	return rc;
}

static enum rc
serve_make(struct serving *s)
{
	enum x509_key_kind kind = (enum x509_key_kind)reading_int_to(&s->in, X509_P384);

	READ_ALL(s);
	return vault_make(s->v, s->name, kind, &s->e);
}

static enum rc
serve_make_secret(struct serving *s)
{
	READ_ALL(s);
	return vault_make_secret(s->v, s->name, &s->e);
}

static enum rc
serve_put(struct serving *s)
{
	struct bytes key = reading_bytes(&s->in);

	READ_ALL(s);
	return vault_put(s->v, s->name, key, &s->e);
}

static enum rc
serve_remove(struct serving *s)
{
	READ_ALL(s);
	return vault_remove(s->v, s->name, &s->e);
}

static enum rc
serve_put_certificates(struct serving *s)
{
	int n;
	const struct bytes *list = reading_list(&s->in, s->a, &n);

	READ_ALL(s);
	return vault_put_certificates(s->v, s->name, list, n, &s->e);
}

static enum rc
serve_certificates(struct serving *s)
{
	struct bytes *list;
	enum rc rc;
	int n;

	READ_ALL(s);
	if ((rc = vault_certificates(s->v, s->a, s->name, &list, &n, &s->e)) == RC_OK)
		message_list(s->out, list, n);
	return rc;
}

static enum rc
serve_changed(struct serving *s)
{
	int64_t at = 0;
	enum rc rc;

	READ_ALL(s);
	if ((rc = vault_changed(s->v, s->name, &at, &s->e)) == RC_OK)
		message_int(s->out, at);
	return rc;
}

static enum rc
serve_release(struct serving *s)
{
	struct bytes key = { NULL, 0 };

	READ_ALL(s);
	return give(s, vault_release(s->v, s->a, s->name, &key, &s->e), key);
}

static enum rc
serve_public(struct serving *s)
{
	struct bytes spki = { NULL, 0 };

	READ_ALL(s);
	return give(s, vault_public(s->v, s->a, s->name, &spki, &s->e), spki);
}

static enum rc
serve_sign(struct serving *s)
{
	struct bytes message = reading_bytes(&s->in), signature = { NULL, 0 };

	READ_ALL(s);
	return give(s, vault_sign(s->v, s->a, s->name, message, &signature, &s->e), signature);
}

static enum rc
serve_issue(struct serving *s)
{
	struct bytes spki = reading_bytes(&s->in), certificate = { NULL, 0 }, own = { NULL, 0 };
	struct x509_template t;
	enum rc rc;

	reading_template(&s->in, s->a, &t);
	READ_ALL(s);
	/* Nobody here asks for them; basicConstraints would be one. */
	if (s->apart && t.n_extensions > 0)
		return fail(&s->e, RC_FORBIDDEN, "%s makes no certificate with other extensions", s->name);
	/* A second CA under ours would outlive whatever is repaired here. */
	if (s->apart && (t.is_ca || (t.key_usage & (X509_USE_CERT_SIGN | X509_USE_CRL_SIGN)) != 0)) {
		if ((rc = vault_public(s->v, s->a, s->name, &own, &s->e)) != RC_OK)
			return rc;
		if (!bytes_eq(own, spki))
			return fail(&s->e, RC_FORBIDDEN, "%s makes no CA of another key", s->name);
	}
	return give(s, vault_issue(s->v, s->a, s->name, &t, spki, &certificate, &s->e), certificate);
}

static enum rc
serve_cms_sign(struct serving *s)
{
	struct bytes content = reading_bytes(&s->in), der = { NULL, 0 };
	bool detached = reading_int_to(&s->in, 1) == 1;

	READ_ALL(s);
	return give(s, vault_cms_sign(s->v, s->a, s->name, content, detached, &der, &s->e), der);
}

static enum rc
serve_envelope_open(struct serving *s)
{
	struct bytes der = reading_bytes(&s->in), content = { NULL, 0 };

	READ_ALL(s);
	return give(s, vault_envelope_open(s->v, s->a, s->name, der, &content, &s->e), content);
}

static enum rc
serve_scep_envelope_open(struct serving *s)
{
	struct bytes envelope = reading_bytes(&s->in), content = { NULL, 0 };
	const char *cipher = NULL;
	enum rc rc;

	READ_ALL(s);
	rc = give(s, vault_scep_envelope_open(s->v, s->a, s->name, envelope, &content, &cipher, &s->e), content);
	if (rc == RC_OK)
		message_text(s->out, cipher);
	return rc;
}

static enum rc
serve_scep_sign(struct serving *s)
{
	struct bytes envelope = reading_bytes(&s->in), der = { NULL, 0 };
	struct scep_message m;

	reading_scep(&s->in, &m);
	READ_ALL(s);
	return give(s, vault_scep_sign(s->v, s->a, s->name, &m, envelope, &der, &s->e), der);
}

static enum rc
serve_jws(struct serving *s)
{
	const char *header = reading_text(&s->in), *payload = reading_text(&s->in);
	char *jws = NULL;
	enum rc rc;

	READ_ALL(s);
	if (header == NULL || payload == NULL)
		return fail(&s->e, RC_BAD_INPUT, "a token needs a header and a payload");
	if ((rc = vault_jws(s->v, s->a, s->name, header, payload, &jws, &s->e)) == RC_OK)
		message_text(s->out, jws);
	return rc;
}

static enum rc
serve_seal(struct serving *s)
{
	struct bytes plain = reading_bytes(&s->in), sealed = { NULL, 0 };

	READ_ALL(s);
	return give(s, vault_seal(s->v, s->a, s->name, plain, &sealed, &s->e), sealed);
}

static enum rc
serve_unseal(struct serving *s)
{
	struct bytes sealed = reading_bytes(&s->in), plain = { NULL, 0 };

	READ_ALL(s);
	return give(s, vault_unseal(s->v, s->a, s->name, sealed, &plain, &s->e), plain);
}

static enum rc
serve_forget(struct serving *s)
{
	READ_ALL(s);
	vault_forget(s->v);
	return RC_OK;
}

#define MADE "ca- profile- maid- "
#define ANY ""

static const struct op {
	enum rc (*serve)(struct serving *s);
	const char *names; /* how a name begins, in the process beside the daemon; ANY: as it likes, NULL: not there */
} ops[KEYS_OPS] = {
	[KEYS_MAKE] = { serve_make, MADE },
	[KEYS_MAKE_SECRET] = { serve_make_secret, NULL },
	[KEYS_PUT] = { serve_put, "push- " },
	[KEYS_REMOVE] = { serve_remove, MADE "push- " },
	[KEYS_PUT_CERTIFICATES] = { serve_put_certificates, MADE "push- " },
	[KEYS_CERTIFICATES] = { serve_certificates, MADE "push- " },
	[KEYS_CHANGED] = { serve_changed, "push- " },
	[KEYS_RELEASE] = { serve_release, "push- " },
	[KEYS_PUBLIC] = { serve_public, MADE "push- " },
	[KEYS_SIGN] = { serve_sign, NULL },
	[KEYS_ISSUE] = { serve_issue, MADE },
	[KEYS_CMS_SIGN] = { serve_cms_sign, "profile- " },
	[KEYS_ENVELOPE_OPEN] = { serve_envelope_open, "maid- " },
	[KEYS_SCEP_ENVELOPE_OPEN] = { serve_scep_envelope_open, "ca- " },
	[KEYS_SCEP_SIGN] = { serve_scep_sign, "ca- " },
	[KEYS_JWS] = { serve_jws, "maid- " },
	[KEYS_SEAL] = { serve_seal, ANY },
	[KEYS_UNSEAL] = { serve_unseal, ANY },
	[KEYS_FORGET] = { serve_forget, ANY },
};

static bool
is_for(const struct op *o, const char *name)
{
	if (o->names == NULL)
		return false;
	for (const char *at = o->names; *at != '\0'; at += strcspn(at, " ") + 1) {
		if (strncmp(at, name, strcspn(at, " ")) == 0)
			return true;
	}
	return o->names[0] == '\0';
}

static enum rc
serve(struct serving *s)
{
	int64_t number = reading_int_to(&s->in, KEYS_OPS - 1);
	const struct op *o = &ops[number];

	s->name = reading_text(&s->in);
	if (s->in.bad || s->name == NULL)
		return fail(&s->e, RC_BAD_INPUT, "a request to the keys that is not understood");
	if (s->apart && !is_for(o, s->name))
		return fail(&s->e, RC_FORBIDDEN, "the key %.80s is not for that", s->name);
	return o->serve(s);
}

void
keys_serve(struct vault *v, struct arena *a, struct bytes request, bool apart, struct buf *reply)
{
	struct serving *s = arena_alloc(a, sizeof *s);
	enum rc rc;

	*s = (struct serving){ .v = v, .a = a, .in = { request, false }, .out = reply, .apart = apart };
	message_int(reply, RC_OK);
	message_text(reply, "");
	rc = serve(s);
	if (rc == RC_OK && !buf_ok(reply))
		rc = fail(&s->e, RC_TOO_LARGE, "an answer of the keys that is too large");
	if (rc != RC_OK)
		keys_serve_failed(rc, s->e.text, reply);
}

void
keys_serve_failed(enum rc rc, const char *text, struct buf *reply)
{
	buf_reset(reply);
	message_int(reply, rc);
	message_text(reply, text);
}
