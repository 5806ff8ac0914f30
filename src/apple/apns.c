#include "apple/apns.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "http/mem.h"

#define BUCKETS 65536
#define TOKEN_MAX 200 /* hexadecimal digits; today's have 64 */
#define MAGIC_MAX 200
#define TICK_MS 100

struct token {
	SLIST_ENTRY(token) link;
	char *text, *topic; /* topic: whose certificate pushed to it first; NULL: nobody yet */
	char magic[MAGIC_MAX + 1]; /* of the last push that was accepted */
	int64_t accepted, refused;
	int64_t lost, refusals_lost; /* of those: the answer perhaps never left */
	int64_t fetched, coalesced; /* by the device; before it could */
	int last_status;
	bool waits; /* a push that the device has not fetched */
	bool gone; /* 410 was said */
	int64_t after_gone; /* pushes since then */
	char *gone_body;
};
SLIST_HEAD(bucket, token);

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct token *token[APNS_WAITS];
	int n;
	struct call *call;
	int64_t deadline; /* monotonic milliseconds */
	struct token *came; /* NULL: none */
};

struct apns {
	struct apns_settings set;
	struct h2 *h2;
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t shut;
	struct bucket bucket[BUCKETS];
	struct token **tokens;
	int64_t n, size;
	TAILQ_HEAD(, waiter) waiters;
	bool over;
	pthread_t ticking;
	int64_t accepted, refused, lost, fetched, coalesced;
	int64_t by_status[600];
};

/* ---- tokens ---- */

static bool
is_token(const char *s, size_t n)
{
	return n > 0 && n <= TOKEN_MAX && n % 2 == 0 && strspn(s, "0123456789abcdef") >= n;
}

/* NULL: there is no room for another. */
static struct token *
token_of(struct apns *p, const char *text, size_t n)
{
	uint32_t hash = 2166136261u;
	struct bucket *b;
	struct token *t;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	b = &p->bucket[(hash ^ hash >> 16) % BUCKETS];
	SLIST_FOREACH(t, b, link)
	{
		if (strlen(t->text) == n && memcmp(t->text, text, n) == 0)
			return t;
	}
	if (p->n == APNS_TOKENS)
		return NULL;
	if (p->n == p->size) {
		p->size = p->size > 0 ? 2 * p->size : 1024;
		p->tokens = http_need(realloc(p->tokens, (size_t)p->size * sizeof(struct token *)));
	}
	t = http_need(calloc(1, sizeof *t));
	t->text = http_need(strndup(text, n));
	SLIST_INSERT_HEAD(b, t, link);
	p->tokens[p->n++] = t;
	return t;
}

/* ---- devices that wait ---- */

static void
end_wait(struct apns *p, struct waiter *w, struct token *came)
{
	TAILQ_REMOVE(&p->waiters, w, link);
	w->came = came;
	w->call->host->wake(w->call);
}

static void
fetched(struct apns *p, struct token *t)
{
	t->waits = false;
	t->fetched++;
	p->fetched++;
}

static void
deliver(struct apns *p, struct token *t)
{
	struct waiter *w;

	if (t->waits) {
		t->coalesced++;
		p->coalesced++;
	}
	t->waits = true;
	TAILQ_FOREACH(w, &p->waiters, link)
	{
		for (int i = 0; i < w->n; i++) {
			if (w->token[i] == t) {
				fetched(p, t);
				end_wait(p, w, t);
				return;
			}
		}
	}
}

static enum rc
waits_for(struct apns *p, const char *tokens, struct waiter *w, struct err *e)
{
	for (size_t n; *tokens != '\0'; tokens += n + (tokens[n] == ',')) {
		n = strcspn(tokens, ",");
		if (w->n == APNS_WAITS || !is_token(tokens, n))
			return fail(e, RC_BAD_INPUT, "at most %d tokens in lower case hexadecimal", APNS_WAITS);
		if ((w->token[w->n++] = token_of(p, tokens, n)) == NULL)
			return fail(e, RC_UNAVAILABLE, "there is no room for another token");
	}
	return w->n > 0 ? RC_OK : fail(e, RC_BAD_INPUT, "no token");
}

enum rc
apns_wait(struct apns *p, struct call *c, const char *tokens, int wait_ms, const char **token, const char **magic)
{
	struct waiter w = { .call = c, .deadline = clock_mono_ms() + wait_ms };
	enum rc rc;

	pthread_mutex_lock(&p->lock);
	rc = waits_for(p, tokens, &w, &c->err);
	for (int i = 0; rc == RC_OK && i < w.n && w.came == NULL; i++) {
		if (w.token[i]->waits) {
			w.came = w.token[i];
			fetched(p, w.came);
		}
	}
	if (rc == RC_OK && w.came == NULL && wait_ms > 0 && !p->over) {
		if (c->host == NULL) {
			rc = fail(&c->err, RC_UNAVAILABLE, "nobody runs this call");
		} else {
			TAILQ_INSERT_TAIL(&p->waiters, &w, link);
			pthread_mutex_unlock(&p->lock);
			c->host->sleep(c);
			pthread_mutex_lock(&p->lock);
		}
	}
	if (rc == RC_OK && w.came == NULL)
		rc = RC_NOT_FOUND;
	if (rc == RC_OK) {
		*token = arena_strdup(c->arena, w.came->text);
		*magic = arena_strdup(c->arena, w.came->magic);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static void *
tick(void *arg)
{
	struct apns *p = arg;
	struct waiter *w, *next;

	pthread_mutex_lock(&p->lock);
	while (!p->over || !TAILQ_EMPTY(&p->waiters)) {
		int64_t now = clock_mono_ms();
		struct timespec until;

		for (w = TAILQ_FIRST(&p->waiters); w != NULL; w = next) {
			next = TAILQ_NEXT(w, link);
			if (p->over || w->deadline <= now)
				end_wait(p, w, NULL);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!p->over)
			pthread_cond_timedwait(&p->shut, &p->lock, &until);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- what a push is answered ---- */

/* Apple's table of statuses and reasons. BadPayload is not in it: Apple says nowhere what another body gets. */
enum reason {
	ACCEPTED,
	BAD_DEVICE_TOKEN,
	BAD_EXPIRATION,
	BAD_ID,
	BAD_PRIORITY,
	BAD_TYPE,
	BAD_PAYLOAD,
	MISSING_TOKEN,
	NOT_FOR_TOPIC,
	PAYLOAD_EMPTY,
	TOPIC_DISALLOWED,
	BAD_CERTIFICATE,
	BAD_PATH,
	BAD_METHOD,
	TOO_LARGE,
	SHUTDOWN,
};
static const struct {
	int status;
	const char *word;
} reasons[] = {
	[ACCEPTED] = { 200, NULL },
	[BAD_DEVICE_TOKEN] = { 400, "BadDeviceToken" },
	[BAD_EXPIRATION] = { 400, "BadExpirationDate" },
	[BAD_ID] = { 400, "BadMessageId" },
	[BAD_PRIORITY] = { 400, "BadPriority" },
	[BAD_TYPE] = { 400, "InvalidPushType" },
	[BAD_PAYLOAD] = { 400, "BadPayload" },
	[MISSING_TOKEN] = { 400, "MissingDeviceToken" },
	[NOT_FOR_TOPIC] = { 400, "DeviceTokenNotForTopic" },
	[PAYLOAD_EMPTY] = { 400, "PayloadEmpty" },
	[TOPIC_DISALLOWED] = { 400, "TopicDisallowed" },
	[BAD_CERTIFICATE] = { 403, "BadCertificate" },
	[BAD_PATH] = { 404, "BadPath" },
	[BAD_METHOD] = { 405, "MethodNotAllowed" },
	[TOO_LARGE] = { 413, "PayloadTooLarge" },
	[SHUTDOWN] = { 503, "Shutdown" },
};

static bool
one_of(const char *value, const char *const *all)
{
	while (*all != NULL && strcmp(*all, value) != 0)
		all++;
	return *all != NULL;
}

static bool
is_uuid(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; form[i] != '\0'; i++) {
		if (form[i] == '-' ? s[i] != '-' : s[i] == '\0' || strchr("0123456789abcdefABCDEF", s[i]) == NULL)
			return false;
	}
	return s[i] == '\0';
}

/* Headers are none of them required: the certificate has the topic, and MDM is all it pushes for. */
static enum reason
check_headers(const struct h2_request *r)
{
	static const char *const priorities[] = { "1", "5", "10", NULL };
	const char *topic = h2_header(r, "apns-topic"), *type = h2_header(r, "apns-push-type"),
		   *priority = h2_header(r, "apns-priority"), *expiration = h2_header(r, "apns-expiration"),
		   *id = h2_header(r, "apns-id");

	if (r->peer == NULL || strncmp(r->peer, "com.apple.mgmt.", 15) != 0)
		return BAD_CERTIFICATE;
	if (topic != NULL && strcmp(topic, r->peer) != 0)
		return TOPIC_DISALLOWED;
	if (type != NULL && strcmp(type, "mdm") != 0)
		return BAD_TYPE;
	if (priority != NULL && !one_of(priority, priorities))
		return BAD_PRIORITY;
	if (expiration != NULL && (expiration[0] == '\0' || expiration[strspn(expiration, "0123456789")] != '\0'))
		return BAD_EXPIRATION;
	return id != NULL && !is_uuid(id) ? BAD_ID : ACCEPTED;
}

/* Exactly {"mdm": PushMagic}. */
static enum reason
check_body(const struct h2_request *r, const char **magic)
{
	json_t *j;

	if (r->body_too_large)
		return TOO_LARGE;
	if (r->body.n == 0)
		return PAYLOAD_EMPTY;
	if (json_parse(r->arena, r->body, &j, NULL) != RC_OK || json_object_size(j) != 1 ||
	    (*magic = json_get_text(j, "mdm")) == NULL || strlen(*magic) > MAGIC_MAX)
		return BAD_PAYLOAD;
	return ACCEPTED;
}

static enum reason
check(const struct h2_request *r, const char **token, const char **magic)
{
	static const char door[] = "/3/device/";
	enum reason reason;

	if (strcmp(r->method, "POST") != 0)
		return BAD_METHOD;
	if (strncmp(r->path, door, sizeof door - 1) != 0)
		return BAD_PATH;
	*token = r->path + sizeof door - 1;
	if (**token == '\0')
		return MISSING_TOKEN;
	if (!is_token(*token, strlen(*token))) {
		*token = NULL;
		return BAD_DEVICE_TOKEN;
	}
	if ((reason = check_headers(r)) != ACCEPTED)
		return reason;
	return check_body(r, magic);
}

static void
say(struct h2_reply *out, struct arena *a, int status, const char *json)
{
	out->status = status;
	out->body = (struct bytes){ 0 };
	out->n_headers = 0;
	out->headers[out->n_headers++] = (struct h2_header){ "apns-id", crypto_uuid(a) };
	if (json != NULL) {
		out->headers[out->n_headers++] = (struct h2_header){ "content-type", "application/json" };
		out->body = bytes_str(json);
	}
}

static void
say_reason(struct h2_reply *out, struct arena *a, enum reason reason)
{
	say(out, a, reasons[reason].status,
	    reasons[reason].word != NULL ? arena_printf(a, "{\"reason\":\"%s\"}", reasons[reason].word) : NULL);
}

static void
accept_push(struct apns *p, struct token *t, const char *magic)
{
	snprintf(t->magic, sizeof t->magic, "%s", magic);
	t->accepted++;
	p->accepted++;
	deliver(p, t);
}

/* What a rule wants of this token. A token that is gone stays so. */
static void
fail_push(struct token *t, struct arena *a, const struct fault *f, struct h2_reply *out)
{
	say(out, a, f->status, f->body);
	if (f->retry_after > 0)
		out->headers[out->n_headers++] =
		    (struct h2_header){ "retry-after", arena_printf(a, "%d", f->retry_after) };
	if (f->status == 410 && !t->gone) {
		t->gone = true;
		t->gone_body = f->body != NULL ? http_need(strdup(f->body)) : NULL;
	}
}

static void
judge(struct apns *p, const struct h2_request *r, struct token *t, const char *magic, struct h2_reply *out)
{
	struct fault f = { 0 };

	if (t->topic == NULL)
		t->topic = http_need(strdup(r->peer));
	if (t->gone)
		t->after_gone++;
	if (strcmp(t->topic, r->peer) != 0) {
		say_reason(out, r->arena, NOT_FOR_TOPIC);
	} else if (t->gone) {
		say(out, r->arena, 410, t->gone_body != NULL ? arena_strdup(r->arena, t->gone_body) : NULL);
	} else if (faults_take(p->set.faults, r->arena, "apns", t->text, &f) && f.status != 0) {
		fail_push(t, r->arena, &f, out);
	} else {
		say_reason(out, r->arena, ACCEPTED);
		accept_push(p, t, magic);
	}
	out->then = (enum h2_then)f.then;
	out->mark = t;
	t->last_status = out->status;
	if (out->status != 200)
		t->refused++;
}

static void
on_push(void *arg, const struct h2_request *r, struct h2_reply *out)
{
	struct apns *p = arg;
	const char *token = NULL, *magic = NULL;
	enum reason reason = check(r, &token, &magic);
	struct token *t = NULL;

	pthread_mutex_lock(&p->lock);
	if (reason == ACCEPTED && (t = token_of(p, token, strlen(token))) == NULL)
		reason = SHUTDOWN;
	if (t != NULL)
		judge(p, r, t, magic, out);
	else
		say_reason(out, r->arena, reason);
	if (out->status != 200)
		p->refused++;
	p->by_status[out->status]++;
	pthread_mutex_unlock(&p->lock);
}

static void
on_lost(void *arg, void *mark)
{
	struct apns *p = arg;
	struct token *t = mark;

	pthread_mutex_lock(&p->lock);
	if (t->last_status == 200) {
		t->lost++;
		p->lost++;
	} else {
		t->refusals_lost++;
	}
	pthread_mutex_unlock(&p->lock);
}

/* ---- what it saw ---- */

json_t *
apns_totals(struct apns *p, struct arena *a)
{
	json_t *statuses = json_object(), *o;
	struct h2_stats s;

	h2_stats(p->h2, &s);
	pthread_mutex_lock(&p->lock);
	for (int i = 0; i < 600; i++) {
		if (p->by_status[i] > 0)
			json_object_set_new(statuses, arena_printf(a, "%d", i), json_integer(p->by_status[i]));
	}
	o = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I}", "tokens", (json_int_t)p->n, "accepted",
	    (json_int_t)p->accepted, "refused", (json_int_t)p->refused, "answers_lost", (json_int_t)p->lost, "fetched",
	    (json_int_t)p->fetched, "coalesced", (json_int_t)p->coalesced, "statuses", statuses, "connections",
	    (json_int_t)s.connections, "connections_open", (json_int_t)s.live, "connections_most",
	    (json_int_t)s.most_live, "goaways", (json_int_t)s.goaways, "drops", (json_int_t)s.drops);
	pthread_mutex_unlock(&p->lock);
	return json_keep(a, o);
}

json_t *
apns_tokens(struct apns *p, struct arena *a, int64_t from, int64_t limit)
{
	json_t *list = json_array();

	pthread_mutex_lock(&p->lock);
	for (int64_t i = from; i >= 0 && i < p->n && i < from + limit; i++) {
		const struct token *t = p->tokens[i];

		json_array_append_new(
		    list, json_pack("{s:s,s:s?,s:s,s:I,s:I,s:I,s:I,s:I,s:i,s:b,s:I,s:I}", "token", t->text, "topic",
			      t->topic, "magic", t->magic, "accepted", (json_int_t)t->accepted, "answers_lost",
			      (json_int_t)t->lost, "refused", (json_int_t)t->refused, "fetched", (json_int_t)t->fetched,
			      "coalesced", (json_int_t)t->coalesced, "last_status", t->last_status, "waits", t->waits,
			      "after_gone", (json_int_t)t->after_gone, "refusals_lost", (json_int_t)t->refusals_lost));
	}
	pthread_mutex_unlock(&p->lock);
	return json_keep(a, list);
}

/* ---- start and stop ---- */

enum rc
apns_start(const struct apns_settings *s, struct apns **out, struct err *e)
{
	struct apns *p = http_need(calloc(1, sizeof *p));
	const struct h2_settings h2 = { .address = s->address,
		.cert_file = s->cert_file,
		.key_file = s->key_file,
		.client_ca = s->client_ca,
		.streams = APNS_STREAMS,
		.answer = on_push,
		.lost = on_lost,
		.arg = p };
	enum rc rc;

	*out = NULL;
	p->set = *s;
	TAILQ_INIT(&p->waiters);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->shut, NULL);
	if (pthread_create(&p->ticking, NULL, tick, p) != 0)
		abort();
	if ((rc = h2_start(&h2, &p->h2, e)) != RC_OK) {
		apns_shut(p);
		apns_stop(p);
		return rc;
	}
	*out = p;
	return RC_OK;
}

void
apns_shut(struct apns *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->over = true;
	pthread_cond_signal(&p->shut);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->ticking, NULL);
}

void
apns_stop(struct apns *p)
{
	if (p == NULL)
		return;
	h2_stop(p->h2);
	for (int64_t i = 0; i < p->n; i++) {
		free(p->tokens[i]->text);
		free(p->tokens[i]->topic);
		free(p->tokens[i]->gone_body);
		free(p->tokens[i]);
	}
	free(p->tokens);
	pthread_cond_destroy(&p->shut);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int
apns_port(const struct apns *p)
{
	return h2_port(p->h2);
}
