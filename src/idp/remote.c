#include "idp/remote.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "fmt/base64.h"
#include "fmt/uri.h"
#include "http/client.h"
#include "http/trace.h"
#include "idp/answer.h"
#include "idp/assertion.h"
#include "idp/breaker.h"

#define PROVIDERS_KEPT IDP_STATS_MAX /* of all organizations; more are fetched each time */
#define CLIENTS_KEPT 4 /* open connections to one provider, as many as the server has threads that go outward */
#define DOCUMENT_MAX (256 * 1024)
#define TOKENS_MAX (64 * 1024)
#define GROUPS_BODY_MAX (512 * 1024) /* IDP_DIRECTORY_MAX ids of 36 characters, and a call has twice as much memory */

enum kind { DISCOVERY, KEYS, KINDS };

/* One of a provider's documents, read once. Nothing of it changes any more, so all calls share it; the last holder
 * frees it. */
struct document {
	atomic_int holders;
	struct arena *arena; /* of what follows; a fetched document's size bounds it */
	int64_t at; /* monotonic seconds */
	struct idp_endpoints endpoints; /* DISCOVERY */
	struct jose_keys *keys; /* KEYS */
};

/* What came from one provider. */
struct known {
	char id[24]; /* the provider's */
	uint64_t trust; /* what it is asked by: another issuer or CA is another provider */
	struct document *document[KINDS]; /* NULL: not here yet */
	int64_t refetched_at; /* monotonic seconds */
	struct idp_breaker breaker;
	int64_t answered, failed; /* calls */
	struct http_client *client[CLIENTS_KEPT]; /* at rest */
};

struct idp {
	pthread_mutex_t lock;
	struct known known[PROVIDERS_KEPT];
	int n;
};

static int64_t
seconds(void)
{
	return clock_mono_ms() / 1000;
}

static void
let_go(struct document *d)
{
	if (d == NULL || atomic_fetch_sub(&d->holders, 1) > 1)
		return;
	arena_free(d->arena);
	free(d);
}

static void
forget(struct known *k)
{
	for (int i = 0; i < KINDS; i++)
		let_go(k->document[i]);
	for (int i = 0; i < CLIENTS_KEPT; i++)
		http_client_close(k->client[i]);
	*k = (struct known){ 0 };
}

struct idp *
idp_new(void)
{
	struct idp *p = calloc(1, sizeof *p);

	if (p == NULL)
		abort();
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void
idp_free(struct idp *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < p->n; i++)
		forget(&p->known[i]);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* FNV-1a of its issuer and CA. */
static uint64_t
trust_of(const struct provider *p)
{
	const struct bytes parts[] = { bytes_str(p->issuer), p->ca };
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		for (size_t n = 0; n < parts[i].n; n++)
			h = (h ^ parts[i].p[n]) * UINT64_C(1099511628211);
	}
	return h;
}

static int64_t
known_since(const struct known *k)
{
	return k->document[DISCOVERY] != NULL ? k->document[DISCOVERY]->at : 0;
}

/* The place of one provider; the oldest gives its own up when there are too many. The lock is held. */
static struct known *
place(struct idp *i, const struct provider *p)
{
	struct known *oldest = &i->known[0], *k;
	uint64_t trust = trust_of(p);

	for (int n = 0; n < i->n; n++) {
		k = &i->known[n];
		if (strcmp(k->id, p->id) == 0 && k->trust == trust)
			return k;
		if (known_since(k) < known_since(oldest))
			oldest = k;
	}
	k = i->n < PROVIDERS_KEPT ? &i->known[i->n++] : oldest;
	forget(k);
	snprintf(k->id, sizeof k->id, "%s", p->id);
	k->trust = trust;
	k->refetched_at = INT64_MIN / 2;
	return k;
}

/* ---- asking ---- */

static struct http_client *
borrow(struct idp *i, const struct provider *p, bool *rests)
{
	struct http_client *client = NULL;
	struct known *k;

	pthread_mutex_lock(&i->lock);
	k = place(i, p);
	*rests = !idp_breaker_lets(&k->breaker, seconds());
	for (int n = 0; n < CLIENTS_KEPT && client == NULL && !*rests; n++) {
		client = k->client[n];
		k->client[n] = NULL;
	}
	pthread_mutex_unlock(&i->lock);
	return client;
}

static void
give_back(struct idp *i, const struct provider *p, struct http_client *client, bool answered)
{
	struct known *k;

	pthread_mutex_lock(&i->lock);
	k = place(i, p);
	idp_breaker_heard(&k->breaker, seconds(), answered);
	k->answered += answered;
	k->failed += !answered;
	for (int n = 0; n < CLIENTS_KEPT && client != NULL; n++) {
		if (k->client[n] == NULL) {
			k->client[n] = client;
			client = NULL;
		}
	}
	pthread_mutex_unlock(&i->lock);
	http_client_close(client);
}

/* One exchange with the provider. Whatever status it answers, it answered; but 5xx is trouble of its own. */
static enum rc
ask(struct idp *i, struct call *c, const struct provider *p, const struct http_client_request *r,
    struct http_client_answer *out)
{
	const struct http_client_settings s = {
		.ca = p->ca,
		.user_agent = "postern",
		.timeout_ms = IDP_TIMEOUT_MS,
		.https_only = strncmp(p->issuer, "https:", 6) == 0,
	};
	struct http_client_request traced = *r;
	struct http_client *client;
	bool rests;
	enum rc rc = RC_OK;

	traced.traceparent = http_trace(c);

	client = borrow(i, p, &rests);
	if (rests)
		return fail(&c->err, RC_UNAVAILABLE,
		    "%.200s did not answer %d times in a row and is left alone for %d s", p->issuer, IDP_FAILURES,
		    IDP_REST_S);
	if (client == NULL)
		rc = http_client_open(&s, &client, &c->err);
	if (rc == RC_OK)
		rc = http_client_send(client, c->arena, &traced, out, &c->err);
	if (rc == RC_OK && out->status >= 500)
		rc = fail(&c->err, RC_UNAVAILABLE, "%.200s answered %d", r->url, out->status);
	give_back(i, p, client, rc == RC_OK);
	return rc == RC_OK ? RC_OK : RC_UNAVAILABLE;
}

/* A provider whose issuer or CA was changed has two places: the later one says how it is. */
int
idp_stats(struct idp *i, struct idp_stats *out, int max)
{
	int n = 0;

	pthread_mutex_lock(&i->lock);
	for (int k = 0; k < i->n; k++) {
		const struct known *from = &i->known[k];
		int at = 0;

		while (at < n && strcmp(out[at].id, from->id) != 0)
			at++;
		if (at == n && n == max)
			continue;
		if (at == n)
			out[n++] = (struct idp_stats){ 0 };
		snprintf(out[at].id, sizeof out[at].id, "%s", from->id);
		out[at].answered += from->answered;
		out[at].failed += from->failed;
		out[at].rests = from->breaker.rests_until > seconds();
	}
	pthread_mutex_unlock(&i->lock);
	return n;
}

/* ---- documents ---- */

static void
release(void *held)
{
	let_go(*(struct document **)held);
}

/* Where a call holds a document until it ends. */
static struct document **
hold(struct call *c)
{
	struct document **held = arena_alloc(c->arena, sizeof(struct document *));

	arena_defer(c->arena, release, held);
	return held;
}

/* An empty one, the caller's. */
static struct document *
begin(void)
{
	struct document *d = calloc(1, sizeof *d);

	if (d == NULL)
		abort();
	atomic_init(&d->holders, 1);
	d->arena = arena_new(0);
	d->at = seconds();
	return d;
}

static void
keep(struct idp *i, const struct provider *p, enum kind kind, struct document *d)
{
	struct known *k;

	atomic_fetch_add(&d->holders, 1);
	pthread_mutex_lock(&i->lock);
	k = place(i, p);
	let_go(k->document[kind]);
	k->document[kind] = d;
	pthread_mutex_unlock(&i->lock);
}

/* What is here and still good; false: it has to be fetched. */
static bool
recall(struct idp *i, const struct provider *p, enum kind kind, bool newer, struct document **held)
{
	struct document *d;
	struct known *k;
	bool good;

	pthread_mutex_lock(&i->lock);
	k = place(i, p);
	d = k->document[kind];
	good = d != NULL && seconds() - d->at < IDP_STALE_S;
	if (good && newer && seconds() - k->refetched_at >= IDP_REFETCH_S) {
		k->refetched_at = seconds();
		good = false;
	}
	if (good) {
		atomic_fetch_add(&d->holders, 1);
		*held = d;
	}
	pthread_mutex_unlock(&i->lock);
	return good;
}

static enum rc
fetch(struct idp *i, struct call *c, const struct provider *p, const char *url, struct bytes *out)
{
	static const char *const headers[] = { "Accept: application/json", NULL };
	struct http_client_request r = { .method = "GET", .url = url, .headers = headers, .max_body = DOCUMENT_MAX };
	struct http_client_answer answer = { 0 };
	enum rc rc;

	if ((rc = ask(i, c, p, &r, &answer)) != RC_OK)
		return rc;
	if (answer.status != 200)
		return fail(&c->err, RC_UNAVAILABLE, "%.300s answered %d instead of 200", url, answer.status);
	*out = answer.body;
	return RC_OK;
}

static enum rc
read_discovery(struct call *c, const struct provider *p, struct bytes text, struct document *d)
{
	return idp_answer_discovery(d->arena, p->issuer, text, &d->endpoints, &c->err);
}

static enum rc
read_keys(struct call *c, const struct provider *p, struct bytes text, struct document *d)
{
	struct err why;

	if (jose_keys_parse(d->arena, text, &d->keys, &why) == RC_OK)
		return RC_OK;
	return fail(&c->err, RC_UNAVAILABLE, "the key set of %.200s: %s", p->issuer, why.text);
}

enum rc
idp_endpoints(struct idp *i, struct call *c, const struct provider *p, struct idp_endpoints *out)
{
	struct document **held = hold(c);
	size_t n = strlen(p->issuer);
	struct bytes text = { 0 };
	enum rc rc = RC_OK;

	*out = (struct idp_endpoints){ 0 };
	if (!recall(i, p, DISCOVERY, false, held)) {
		n -= p->issuer[n - 1] == '/';
		rc = fetch(
		    i, c, p, arena_printf(c->arena, "%.*s/.well-known/openid-configuration", (int)n, p->issuer), &text);
		if (rc == RC_OK && (rc = read_discovery(c, p, text, *held = begin())) == RC_OK)
			keep(i, p, DISCOVERY, *held);
	}
	if (rc == RC_OK)
		*out = (*held)->endpoints;
	return rc;
}

bool
idp_endpoints_known(struct idp *i, struct call *c, const struct provider *p, struct idp_endpoints *out)
{
	struct document **held = hold(c);

	if (!recall(i, p, DISCOVERY, false, held))
		return false;
	*out = (*held)->endpoints;
	return true;
}

enum rc
idp_keys(struct idp *i, struct call *c, const struct provider *p, bool newer, const struct jose_keys **out)
{
	struct document **held = hold(c);
	struct idp_endpoints at;
	struct bytes text = { 0 };
	enum rc rc = RC_OK;

	*out = NULL;
	if (!recall(i, p, KEYS, newer, held)) {
		if ((rc = idp_endpoints(i, c, p, &at)) == RC_OK)
			rc = fetch(i, c, p, at.jwks, &text);
		if (rc == RC_OK && (rc = read_keys(c, p, text, *held = begin())) == RC_OK)
			keep(i, p, KEYS, *held);
	}
	if (rc == RC_OK)
		*out = (*held)->keys;
	return rc;
}

/* ---- the token endpoint ---- */

static const char *
form_of(struct arena *a, const char *const (*items)[2])
{
	struct buf b;

	buf_init(&b, TOKENS_MAX);
	for (; (*items)[0] != NULL; items++) {
		if ((*items)[1] != NULL)
			buf_printf(&b, "%s%s=%s", b.n > 0 ? "&" : "", (*items)[0], uri_encode(a, (*items)[1]));
	}
	return buf_finish(&b, a);
}

/* Who we are: in a header, or as more of the form (RFC 6749 2.3.1; OpenID Connect Core 9). */
static enum rc
identify(struct call *c, const struct provider *p, const char *token_endpoint, const char **header, const char **more)
{
	struct arena *a = c->arena;
	const char *secret, *assertion;
	enum rc rc = provider_secret(c, p, &secret);

	*header = NULL;
	*more = "";
	if (rc != RC_OK || secret == NULL)
		return rc;
	if (strcmp(p->client_auth, "client_secret_basic") == 0) {
		/* Both are encoded first. */
		const char *pair = arena_printf(a, "%s:%s", uri_encode(a, p->client_id), uri_encode(a, secret));

		*header = arena_printf(a, "Authorization: Basic %s", base64_encode(a, bytes_str(pair)));
	} else if (strcmp(p->client_auth, "client_secret_post") == 0) {
		*more = arena_printf(a, "&client_secret=%s", uri_encode(a, secret));
	} else {
		if ((rc = idp_assertion(c, p, secret, token_endpoint, &assertion)) != RC_OK)
			return rc;
		*more = arena_printf(a,
		    "&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer"
		    "&client_assertion=%s",
		    assertion);
	}
	return RC_OK;
}

static enum rc
ask_tokens(struct idp *i, struct call *c, const struct provider *p, const char *const (*items)[2],
    struct idp_tokens *out, const char **error)
{
	const char *headers[4] = { "Content-Type: application/x-www-form-urlencoded", "Accept: application/json" };
	struct http_client_request r = { .method = "POST", .headers = headers, .max_body = TOKENS_MAX };
	struct http_client_answer answer = { 0 };
	struct idp_endpoints at;
	const char *more;
	enum rc rc;

	*out = (struct idp_tokens){ 0 };
	*error = NULL;
	if ((rc = idp_endpoints(i, c, p, &at)) != RC_OK || (rc = identify(c, p, at.token, &headers[2], &more)) != RC_OK)
		return rc;
	r.url = at.token;
	r.body = bytes_str(arena_printf(c->arena, "%s%s", form_of(c->arena, items), more));
	if ((rc = ask(i, c, p, &r, &answer)) != RC_OK)
		return rc;
	return idp_answer_tokens(c->arena, p->issuer, answer.status, answer.body, out, error, &c->err);
}

enum rc
idp_redeem(struct idp *i, struct call *c, const struct provider *p, const char *code, const char *redirect_uri,
    const char *verifier, struct idp_tokens *out, const char **error)
{
	const char *const items[][2] = {
		{ "grant_type", "authorization_code" },
		{ "code", code },
		{ "redirect_uri", redirect_uri },
		{ "code_verifier", verifier },
		{ "client_id", p->client_id },
		{ NULL, NULL },
	};

	return ask_tokens(i, c, p, items, out, error);
}

enum rc
idp_refresh(struct idp *i, struct call *c, const struct provider *p, const char *refresh_token, struct idp_tokens *out,
    const char **error)
{
	const char *const items[][2] = {
		{ "grant_type", "refresh_token" },
		{ "refresh_token", refresh_token },
		{ "client_id", p->client_id },
		{ NULL, NULL },
	};

	return ask_tokens(i, c, p, items, out, error);
}

/* ---- the directory ---- */

enum rc
idp_directory(struct idp *i, struct call *c, const struct provider *p, const char *access_token,
    const char *const **groups, int *n)
{
	/* "true": a signed-in user's own security groups and roles, which is what the claim lists. */
	static const char question[] = "{\"securityEnabledOnly\":true}";
	const char *headers[] = { "Content-Type: application/json", "Accept: application/json", NULL, NULL };
	struct http_client_request r = { .method = "POST", .headers = headers, .max_body = GROUPS_BODY_MAX };
	struct http_client_answer answer = { 0 };
	struct provider directory = *p;
	enum rc rc;

	directory.issuer = p->directory;
	headers[2] = arena_printf(c->arena, "Authorization: Bearer %s", access_token);
	r.url = arena_printf(c->arena, "%s%s", p->directory, provider_preset(p->kind)->directory_path);
	r.body = bytes_str(question);
	if ((rc = ask(i, c, &directory, &r, &answer)) != RC_OK)
		return rc;
	if (answer.status != 200)
		return fail(&c->err, RC_UNAVAILABLE, "%.200s answered %d to the question for the person's groups",
		    r.url, answer.status);
	return idp_answer_groups(c->arena, p->directory, answer.body, groups, n, &c->err);
}
