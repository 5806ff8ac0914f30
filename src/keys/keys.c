/* What is asked of the keys, put into words; the process beside the daemon, or the vault here, answers. */
#include "keys/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "keys/process.h"
#include "keys/serve.h"

struct keys {
	struct vault *vault; /* here, or */
	struct keys_process *process; /* there */
};

enum rc
keys_open(const char *dir, struct keys **out, struct err *e)
{
	struct vault *v;
	enum rc rc = vault_open(dir, &v, e);

	if (rc != RC_OK)
		return rc;
	if ((*out = calloc(1, sizeof **out)) == NULL)
		abort();
	(*out)->vault = v;
	return RC_OK;
}

enum rc
keys_start(const char *dir, enum sandbox_mode mode, struct keys **out, struct err *e)
{
	struct keys *k;
	char *path;
	enum rc rc;

	if ((rc = keys_open(dir, &k, e)) != RC_OK)
		return rc;
	if (asprintf(&path, "%s/keys", dir) < 0)
		abort();
	rc = keys_process_start(k->vault, path, mode, &k->process, e);
	free(path);
	vault_close(k->vault);
	k->vault = NULL;
	if (rc != RC_OK) {
		keys_close(k);
		return rc;
	}
	*out = k;
	return RC_OK;
}

void
keys_close(struct keys *k)
{
	if (k == NULL)
		return;
	vault_close(k->vault);
	keys_process_stop(k->process);
	free(k);
}

bool
keys_alive(struct keys *k)
{
	return k->process == NULL || keys_process_alive(k->process);
}

/* ---- One question ---- */

struct question {
	struct buf text;
	struct bytes answer; /* from malloc, there; of `here`, here */
	struct buf here;
	struct reading read; /* of the answer, after code and sentence */
	bool asked_there;
};

/* In the arena's hands, since anything in between may end the call (a ceiling). What is read of the answer lives as
 * long as the arena. */
static void
end(void *p)
{
	struct question *q = p;

	buf_free(&q->text);
	buf_free(&q->here);
	if (q->asked_there && q->answer.p != NULL) {
		explicit_bzero((void *)(uintptr_t)q->answer.p, q->answer.n);
		free((void *)(uintptr_t)q->answer.p);
	}
}

static struct question *
begin(struct arena *a, enum keys_op op, const char *name)
{
	struct question *q = arena_alloc(a, sizeof *q);

	buf_init(&q->text, KEYS_MESSAGE_MAX);
	buf_init(&q->here, KEYS_MESSAGE_MAX);
	arena_defer(a, end, q);
	message_int(&q->text, op);
	message_text(&q->text, name);
	return q;
}

static enum rc
ask(const struct keys *k, struct arena *a, struct question *q, struct err *e)
{
	const char *text;
	enum rc rc;

	if (!buf_ok(&q->text))
		return fail(e, RC_TOO_LARGE, "over %u MB for a key", KEYS_MESSAGE_MAX >> 20);
	if (k->process != NULL) {
		if ((rc = keys_process_ask(k->process, buf_bytes(&q->text), &q->answer, e)) != RC_OK)
			return rc;
		q->asked_there = true;
	} else {
		keys_serve(k->vault, a, buf_bytes(&q->text), false, &q->here);
		q->answer = buf_bytes(&q->here);
	}
	q->read = (struct reading){ q->answer, false };
	rc = (enum rc)reading_int_to(&q->read, RC_INTERNAL);
	text = reading_text(&q->read);
	if (q->read.bad || text == NULL)
		return fail(e, RC_UNAVAILABLE, "an answer of the keys that is not understood");
	return rc == RC_OK ? RC_OK : fail(e, rc, "%s", text);
}

/* The answer is one run of octets. */
static enum rc
ask_bytes(const struct keys *k, struct arena *a, struct question *q, struct bytes *out, struct err *e)
{
	enum rc rc = ask(k, a, q, e);

	if (rc != RC_OK)
		return rc;
	*out = reading_bytes(&q->read);
	return q->read.bad ? fail(e, RC_UNAVAILABLE, "an answer of the keys that is not understood") : RC_OK;
}

static enum rc
ask_in_own_arena(const struct keys *k, struct arena *a, struct question *q, struct err *e)
{
	enum rc rc = ask(k, a, q, e);

	arena_free(a);
	return rc;
}

/* ---- The questions ---- */

void
keys_forget(struct keys *k)
{
	struct arena *a = arena_new(0);

	(void)ask_in_own_arena(k, a, begin(a, KEYS_FORGET, ""), NULL);
}

enum rc
keys_make(struct keys *k, const char *name, enum x509_key_kind kind, struct err *e)
{
	struct arena *a = arena_new(0);
	struct question *q = begin(a, KEYS_MAKE, name);

	message_int(&q->text, kind);
	return ask_in_own_arena(k, a, q, e);
}

enum rc
keys_make_secret(struct keys *k, const char *name, struct err *e)
{
	struct arena *a = arena_new(0);

	return ask_in_own_arena(k, a, begin(a, KEYS_MAKE_SECRET, name), e);
}

enum rc
keys_put(struct keys *k, const char *name, struct bytes key, struct err *e)
{
	struct arena *a = arena_new(0);
	struct question *q = begin(a, KEYS_PUT, name);

	message_bytes(&q->text, key);
	return ask_in_own_arena(k, a, q, e);
}

enum rc
keys_remove(struct keys *k, const char *name, struct err *e)
{
	struct arena *a = arena_new(0);

	return ask_in_own_arena(k, a, begin(a, KEYS_REMOVE, name), e);
}

enum rc
keys_put_certificates(struct keys *k, const char *name, const struct bytes *certificates, int n, struct err *e)
{
	struct arena *a = arena_new(0);
	struct question *q = begin(a, KEYS_PUT_CERTIFICATES, name);

	message_list(&q->text, certificates, n);
	return ask_in_own_arena(k, a, q, e);
}

enum rc
keys_certificates(
    const struct keys *k, struct arena *a, const char *name, struct bytes **certificates, int *n, struct err *e)
{
	struct question *q = begin(a, KEYS_CERTIFICATES, name);
	enum rc rc = ask(k, a, q, e);

	if (rc != RC_OK)
		return rc;
	*certificates = reading_list(&q->read, a, n);
	return q->read.bad || *n == 0 ? fail(e, RC_UNAVAILABLE, "an answer of the keys that is not understood") : RC_OK;
}

enum rc
keys_changed(const struct keys *k, struct arena *a, const char *name, int64_t *at, struct err *e)
{
	struct question *q = begin(a, KEYS_CHANGED, name);
	enum rc rc = ask(k, a, q, e);

	if (rc == RC_OK)
		*at = reading_int(&q->read);
	return rc;
}

enum rc
keys_release(const struct keys *k, struct arena *a, const char *name, struct bytes *key, struct err *e)
{
	return ask_bytes(k, a, begin(a, KEYS_RELEASE, name), key, e);
}

enum rc
keys_public(const struct keys *k, struct arena *a, const char *name, struct bytes *spki, struct err *e)
{
	return ask_bytes(k, a, begin(a, KEYS_PUBLIC, name), spki, e);
}

enum rc
keys_sign(const struct keys *k, struct arena *a, const char *name, struct bytes message, struct bytes *signature,
    struct err *e)
{
	struct question *q = begin(a, KEYS_SIGN, name);

	message_bytes(&q->text, message);
	return ask_bytes(k, a, q, signature, e);
}

enum rc
keys_issue(const struct keys *k, struct arena *a, const char *name, const struct x509_template *t, struct bytes spki,
    struct bytes *certificate, struct err *e)
{
	struct question *q = begin(a, KEYS_ISSUE, name);

	message_bytes(&q->text, spki);
	message_template(&q->text, t);
	return ask_bytes(k, a, q, certificate, e);
}

enum rc
keys_cms_sign(const struct keys *k, struct arena *a, const char *name, struct bytes content, bool detached,
    struct bytes *der, struct err *e)
{
	struct question *q = begin(a, KEYS_CMS_SIGN, name);

	message_bytes(&q->text, content);
	message_int(&q->text, detached);
	return ask_bytes(k, a, q, der, e);
}

enum rc
keys_envelope_open(
    const struct keys *k, struct arena *a, const char *name, struct bytes der, struct bytes *content, struct err *e)
{
	struct question *q = begin(a, KEYS_ENVELOPE_OPEN, name);

	message_bytes(&q->text, der);
	return ask_bytes(k, a, q, content, e);
}

/* The message is read here, where no key is; only what is inside its envelope needs one. */
enum rc
keys_scep_open(
    const struct keys *k, struct arena *a, const char *name, struct bytes der, struct scep_message *out, struct err *e)
{
	struct question *q = begin(a, KEYS_SCEP_ENVELOPE_OPEN, name);
	struct bytes envelope;
	enum rc rc;

	if ((rc = scep_read(a, der, out, &envelope, e)) != RC_OK || envelope.p == NULL)
		return rc;
	message_bytes(&q->text, envelope);
	if ((rc = ask_bytes(k, a, q, &out->content, e)) == RC_OK)
		out->cipher = reading_text(&q->read);
	return rc;
}

enum rc
keys_scep_build(const struct keys *k, struct arena *a, const char *name, const struct scep_message *m,
    struct bytes recipient, struct bytes *der, struct err *e)
{
	struct question *q = begin(a, KEYS_SCEP_SIGN, name);
	struct bytes envelope;
	enum rc rc;

	if ((rc = scep_envelope(a, m, recipient, &envelope, e)) != RC_OK)
		return rc;
	message_bytes(&q->text, envelope);
	message_scep(&q->text, m);
	return ask_bytes(k, a, q, der, e);
}

enum rc
keys_jws(const struct keys *k, struct arena *a, const char *name, const char *header, const char *payload, char **out,
    struct err *e)
{
	struct question *q = begin(a, KEYS_JWS, name);
	const char *text;
	enum rc rc;

	message_text(&q->text, header);
	message_text(&q->text, payload);
	if ((rc = ask(k, a, q, e)) != RC_OK)
		return rc;
	if ((text = reading_text(&q->read)) == NULL)
		return fail(e, RC_UNAVAILABLE, "an answer of the keys that is not understood");
	*out = arena_strdup(a, text);
	return RC_OK;
}

enum rc
keys_seal(
    const struct keys *k, struct arena *a, const char *context, struct bytes plain, struct bytes *sealed, struct err *e)
{
	struct question *q = begin(a, KEYS_SEAL, context);

	message_bytes(&q->text, plain);
	return ask_bytes(k, a, q, sealed, e);
}

enum rc
keys_unseal(
    const struct keys *k, struct arena *a, const char *context, struct bytes sealed, struct bytes *plain, struct err *e)
{
	struct question *q = begin(a, KEYS_UNSEAL, context);

	message_bytes(&q->text, sealed);
	return ask_bytes(k, a, q, plain, e);
}
