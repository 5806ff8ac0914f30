#include "apple/assignment.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "apple/oauth1.h"
#include "apple/once.h"
#include "apple/portal.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "http/mem.h"

#define TOKEN 48 /* octets of a session's name */
#define PROFILE "/account-driven-enrollment/profile"

struct session {
	char token[TOKEN], server[TOKEN]; /* server_uuid */
	int64_t until;
};

struct assignment {
	struct assignment_settings set;
	struct once *nonces;
	pthread_mutex_t lock; /* over all that follows */
	struct session sessions[ASSIGNMENT_SESSIONS];
	unsigned next_session;
};

struct assignment *
assignment_new(const struct assignment_settings *s)
{
	struct assignment *t = http_need(calloc(1, sizeof *t));

	t->set = *s;
	t->nonces = once_new();
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
assignment_free(struct assignment *t)
{
	if (t == NULL)
		return;
	once_free(t->nonces);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- one request ---- */

struct asked {
	struct assignment *t;
	struct call *c;
	const struct assignment_request *r;
	struct assignment_answer *out;
	struct portal portal;
	json_t *server, *organization;
	const char *uuid; /* of the server */
	bool changed; /* the portal is to be written */
};

/* `word` goes out, `reason` into the diary. */
static void
refuse(struct asked *q, int status, const char *word, const char *reason)
{
	q->out->status = status;
	q->out->text = word;
	diary_write(q->t->set.diary, q->c->now, q->r->path, q->server != NULL ? json_get_text(q->server, "name") : "",
	    word, "%s %s: %d, %s", q->r->method, q->r->path, status, reason);
}

static void
succeed(struct asked *q, json_t *body, const char *sentence)
{
	q->out->status = 200;
	q->out->body = body != NULL ? json_keep(q->c->arena, body) : NULL;
	diary_write(q->t->set.diary, q->c->now, q->r->path, json_get_text(q->server, "name"), "ok", "%s", sentence);
}

/* ---- sessions ---- */

static const char *
begin_session(struct asked *q)
{
	struct assignment *t = q->t;
	const char *token = crypto_token(q->c->arena);
	struct session *s;

	pthread_mutex_lock(&t->lock);
	s = &t->sessions[t->next_session++ % ASSIGNMENT_SESSIONS];
	snprintf(s->token, sizeof s->token, "%s", token);
	snprintf(s->server, sizeof s->server, "%s", q->uuid);
	s->until = q->c->now + t->set.session_s;
	pthread_mutex_unlock(&t->lock);
	return token;
}

/* Whose session it is, in the arena; with `end` it is over. NULL: unknown or expired. */
static const char *
session_of(struct asked *q, bool end)
{
	struct assignment *t = q->t;
	const char *found = NULL;

	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; found == NULL && i < ASSIGNMENT_SESSIONS; i++) {
		struct session *s = &t->sessions[i];

		if (s->until <= q->c->now || !crypto_equal(s->token, q->r->session))
			continue;
		found = arena_strdup(q->c->arena, s->server);
		if (end)
			s->until = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* RFC 5849 3.3. */
static bool
fresh_nonce(struct asked *q, const struct oauth1 *o)
{
	const char *text = arena_printf(q->c->arena, "%s %lld %s", o->consumer_key, (long long)o->timestamp, o->nonce);

	return once_take(q->t->nonces, text, q->c->now, q->c->now + 2 * ASSIGNMENT_WINDOW_S + 1);
}

/* Without the port that https has by itself (RFC 5849 3.4.1.2). */
static const char *
signed_url(struct asked *q)
{
	const char *authority = q->r->authority, *port = strrchr(authority, ':');
	char *host = arena_strdup(q->c->arena, authority);

	if (port != NULL && strcmp(port, ":443") == 0)
		host[port - authority] = '\0';
	for (char *p = host; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 'a' - 'A') : *p;
	return arena_printf(q->c->arena, "https://%s%s", host, q->r->path);
}

static bool
is_signed(struct asked *q, const struct oauth1 *o)
{
	struct arena *a = q->c->arena;
	const char *base = oauth1_base(a, q->r->method, signed_url(q), q->r->query, o);

	return base != NULL && crypto_equal(oauth1_sign(a, base, json_get_text(q->server, "consumer_secret"),
						json_get_text(q->server, "access_secret")),
				   o->signature);
}

static void
get_session(struct asked *q)
{
	struct oauth1 o;
	int64_t off;

	if (oauth1_parse(q->c->arena, q->r->authorization, &o, &q->c->err) != RC_OK) {
		refuse(q, 400, arena_strdup(q->c->arena, q->c->err.text), "the OAuth header");
		return;
	}
	off = q->c->now - o.timestamp;
	q->server = portal_server_by(&q->portal, "consumer_key", o.consumer_key, &q->uuid);
	if (q->server == NULL)
		refuse(q, 401, "Invalid consumer key", "no server has this consumer key");
	else if (!crypto_equal(json_get_text(q->server, "access_token"), o.token))
		refuse(q, 401, "Invalid or expired token", "it is not this server's access token");
	else if (json_get_int(q->server, "expires", 0) <= q->c->now)
		refuse(q, 401, "Invalid or expired token", "the server's token has expired");
	else if (!is_signed(q, &o))
		refuse(q, 401, "Invalid signature", "the signature is another one");
	else if (off > ASSIGNMENT_WINDOW_S || off < -ASSIGNMENT_WINDOW_S)
		refuse(q, 401, "Invalid timestamp",
		    arena_printf(q->c->arena, "the server's clock is %lld seconds %s",
			(long long)(off < 0 ? -off : off), off < 0 ? "ahead" : "behind"));
	else if (!fresh_nonce(q, &o))
		refuse(q, 401, "Invalid or used nonce", "this nonce was used before");
	else {
		const char *token = begin_session(q);

		succeed(q, json_pack("{s:s}", "auth_session_token", token), "a session began");
	}
}

/* ---- AccountDetail ---- */

/* "urls" is how a server finds out what this organization has; the limits are those of a single one. */
static json_t *
urls_of(const json_t *organization)
{
	json_t *urls = json_pack("[{s:s,s:[s]},{s:s,s:[s]}]", "uri", "/session", "http_method", "GET", "uri",
	    "/account", "http_method", "GET");

	if (strcmp(portal_word(organization, "account_driven_enrollment", portal_on_off), "on") == 0)
		json_array_append_new(
		    urls, json_pack("{s:s,s:[s,s,s]}", "uri", PROFILE, "http_method", "DELETE", "POST", "GET"));
	return urls;
}

static void
get_account(struct asked *q)
{
	struct arena *a = q->c->arena;
	const char *name = json_get_text(q->server, "organization");
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "server_name", json_get_text(q->server, "name"),
	    "server_uuid", q->uuid, "admin_id", "admin@example.com", "facilitator_id", "admin@example.com", "org_name",
	    name, "org_email", "admin@example.com", "org_phone", "+1 555 0100", "org_address", "1 Laboratory Way");

	/* From version 3 of the protocol on. */
	if (q->r->version >= 3) {
		json_object_set_new(body, "org_type", json_string(portal_word(q->organization, "type", portal_types)));
		json_object_set_new(body, "org_version", json_string("v2"));
		json_object_set(body, "org_id", json_object_get(q->organization, "org_id"));
		json_object_set(body, "org_id_hash", json_object_get(q->organization, "org_id_hash"));
		json_object_set_new(body, "urls", urls_of(q->organization));
	}
	succeed(q, body, arena_printf(a, "AccountDetail, version %lld of the protocol", (long long)q->r->version));
}

/* ---- the discovery URL ---- */

static bool
supported(struct asked *q)
{
	if (strcmp(portal_word(q->organization, "account_driven_enrollment", portal_on_off), "on") == 0)
		return true;
	refuse(q, 400, "ORG_NOT_SUPPORTED", "the organization has account-driven enrollment off");
	return false;
}

static void
post_profile(struct asked *q)
{
	json_t *body;
	const char *url;
	struct uri u;

	if (!supported(q))
		return;
	url = json_parse(q->c->arena, q->r->body, &body, NULL) == RC_OK
		  ? json_get_text(body, "mdm_service_discovery_url")
		  : NULL;
	if (url == NULL || *url == '\0') {
		refuse(q, 400, "MDM_SERVICE_DISCOVERY_URL_REQUIRED", "the body has no URL");
	} else if (uri_parse(q->c->arena, url, &u, NULL) != RC_OK || strcmp(u.scheme, "https") != 0) {
		refuse(q, 400, "MDM_SERVICE_DISCOVERY_URL_NOT_VALID", "it is no https URL");
	} else {
		json_object_set_new(q->server, "mdm_service_discovery_url", json_string(url));
		json_object_set_new(
		    q->server, "last_updated_timestamp", json_string(clock_rfc3339(q->c->arena, q->c->now)));
		q->changed = true;
		succeed(q, NULL, arena_printf(q->c->arena, "registered %s", url));
	}
}

static void
get_profile(struct asked *q)
{
	const char *url = json_get_text(q->server, "mdm_service_discovery_url");

	if (!supported(q))
		return;
	if (url == NULL)
		refuse(q, 404, "NOT_FOUND", "no URL is registered");
	else
		succeed(q,
		    json_pack("{s:s,s:s}", "mdm_service_discovery_url", url, "last_updated_timestamp",
			json_get_text(q->server, "last_updated_timestamp")),
		    "told the registered URL");
}

static void
delete_profile(struct asked *q)
{
	if (!supported(q))
		return;
	json_object_del(q->server, "mdm_service_discovery_url");
	json_object_del(q->server, "last_updated_timestamp");
	q->changed = true;
	succeed(q, NULL, "removed the registered URL");
}

/* ---- who asks ---- */

static const struct {
	const char *method, *path;
	void (*serve)(struct asked *q);
	bool session;
} services[] = {
	{ "GET", "/session", get_session, false },
	{ "GET", "/account", get_account, true },
	{ "POST", PROFILE, post_profile, true },
	{ "GET", PROFILE, get_profile, true },
	{ "DELETE", PROFILE, delete_profile, true },
};

static bool
has_session(struct asked *q)
{
	if (q->r->session == NULL || (q->uuid = session_of(q, q->t->set.rotate)) == NULL ||
	    (q->server = portal_server(&q->portal, q->uuid)) == NULL) {
		refuse(q, 401, "UNAUTHORIZED", "no session, or one that is over");
		return false;
	}
	q->out->session = q->t->set.rotate ? begin_session(q) : q->r->session;
	q->organization = portal_organization(&q->portal, json_get_text(q->server, "organization"), true);
	if (strcmp(portal_word(q->organization, "terms", portal_on_off), "on") == 0)
		return true;
	refuse(q, 403, "T_C_NOT_SIGNED", "the organization has not agreed to new terms");
	return false;
}

static bool
fault(struct asked *q)
{
	struct fault f;

	if (!faults_take(q->t->set.faults, q->c->arena, "assignment", q->r->path, &f) || f.status == 0)
		return false;
	refuse(q, f.status, "fault", "a rule wants it so");
	q->out->text = f.body;
	q->out->retry_after = f.retry_after;
	return true;
}

void
assignment_serve(
    struct assignment *t, struct call *c, const struct assignment_request *r, struct assignment_answer *out)
{
	struct asked q = { .t = t, .c = c, .r = r, .out = out };
	size_t i = 0;

	*out = (struct assignment_answer){ 0 };
	while (i < sizeof services / sizeof services[0] &&
	       (strcmp(services[i].method, r->method) != 0 || strcmp(services[i].path, r->path) != 0))
		i++;
	if (fault(&q))
		return;
	if (i == sizeof services / sizeof services[0]) {
		refuse(&q, 404, "NOT_FOUND", "there is no such service");
		return;
	}
	if (portal_begin(c->arena, t->set.dir, &q.portal, &c->err) != RC_OK) {
		refuse(&q, 503, "unavailable", arena_strdup(c->arena, c->err.text));
		return;
	}
	if (!services[i].session || has_session(&q))
		services[i].serve(&q);
	if (!q.changed)
		portal_end(&q.portal);
	else if (portal_commit(&q.portal, &c->err) != RC_OK)
		refuse(&q, 503, "unavailable", arena_strdup(c->arena, c->err.text));
}
