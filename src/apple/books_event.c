#include "apple/books_event.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "http/client.h"
#include "http/mem.h"

#define TICK_MS 50
#define NOTICE_TRIES 3
#define NOTICE_MS 5000
#define ALREADY_ASSIGNED 9616

json_t *
books_part(const struct books *b, const char *name)
{
	return json_object_get(b->root, name);
}

/* ---- events ---- */

/* The holders of an asset: an object by clientUserId. */
json_t *
books_holders(const struct books *b, const char *adam_id)
{
	json_t *all = books_part(b, "assignments");

	if (json_object_get(all, adam_id) == NULL)
		json_object_set_new(all, adam_id, json_object());
	return json_object_get(all, adam_id);
}

int64_t
books_available(const struct books *b, const char *adam_id)
{
	return json_get_int(json_object_get(books_part(b, "assets"), adam_id), "totalCount", 0) -
	       (int64_t)json_object_size(books_holders(b, adam_id));
}

void
books_notice(const struct books *b, const char *type, json_t *what)
{
	json_t *client = books_part(b, "client");

	if (json_get_text(client, "notificationUrl") == NULL) {
		json_decref(what);
		return;
	}
	json_array_append_new(
	    books_part(b, "notices"), json_pack("{s:o,s:s,s:s,s:s}", "notification", what, "notificationId",
					  crypto_uuid(b->arena), "notificationType", type, "uId", b->uid));
}

static void
fail_one(json_t *event, const char *adam_id, const char *user, const json_t *why)
{
	json_t *failure = why != NULL ? json_deep_copy(why)
				      : json_pack("{s:i,s:s}", "errorNumber", ALREADY_ASSIGNED, "errorMessage",
					    "The license is already assigned");

	if (adam_id != NULL)
		json_object_set_new(failure, "adamId", json_string(adam_id));
	json_object_set_new(failure, "clientUserId", json_string(user));
	json_array_append_new(json_object_get(event, "failures"), failure);
}

static void
do_users(const struct books *b, json_t *event)
{
	json_t *given, *known;
	size_t i;

	json_array_foreach(json_object_get(event, "users"), i, given)
	{
		const char *id = json_get_text(given, "clientUserId"),
			   *account = json_get_text(given, "managedAppleId");

		if ((known = json_object_get(books_part(b, "users"), id)) == NULL) {
			known = json_pack("{s:s,s:s}", "clientUserId", id, "inviteCode", crypto_uuid(b->arena));
			json_object_set_new(books_part(b, "users"), id, known);
		}
		json_object_update(known, given);
		json_object_set_new(known, "status", json_string(account != NULL ? "Associated" : "Registered"));
	}
}

/* One licence of one person, given or taken back. */
static void
do_one(const struct books *b, json_t *event, bool give, const char *adam_id, const char *user)
{
	static const char no_licence[] = "{\"errorNumber\":9709,\"errorMessage\":\"There are not enough licenses\"}";
	json_t *held = books_holders(b, adam_id), *why = NULL;
	struct fault f;

	if (faults_take(b->set.faults, b->arena, "apps-and-books-event", adam_id, &f))
		why = json_loads(f.body != NULL ? f.body : "{\"errorNumber\":9603}", 0, NULL);
	else if (give && books_available(b, adam_id) <= 0 && json_object_get(held, user) == NULL)
		why = json_loads(no_licence, 0, NULL);
	if (why != NULL || (give && json_object_get(held, user) != NULL))
		fail_one(event, adam_id, user, why);
	else if (give)
		json_object_set_new(held, user, json_true());
	else
		json_object_del(held, user);
	json_decref(why);
}

static void
do_assets(const struct books *b, json_t *event, bool give)
{
	json_t *asset, *user;
	size_t i, k;

	json_array_foreach(json_object_get(event, "assets"), i, asset)
	{
		const char *adam_id = json_get_text(asset, "adamId");
		int64_t before = books_available(b, adam_id);
		json_int_t change;

		json_array_foreach(json_object_get(event, "clientUserIds"), k, user)
		    do_one(b, event, give, adam_id, json_string_value(user));
		if ((change = books_available(b, adam_id) - before) != 0)
			books_notice(b, "ASSET_COUNT", json_pack("{s:s,s:I}", "adamId", adam_id, "countDelta", change));
	}
}

static void
finish(const struct books *b, json_t *event)
{
	const char *type = json_get_text(event, "eventType");
	bool users = strcmp(type, "USERS") == 0;
	size_t failures;

	if (users)
		do_users(b, event);
	else
		do_assets(b, event, strcmp(type, "ASSOCIATE") == 0);
	failures = json_array_size(json_object_get(event, "failures"));
	json_object_set_new(
	    event, "numCompleted", json_integer(json_get_int(event, "numRequested", 0) - (json_int_t)failures));
	json_object_set_new(event, "eventStatus", json_string(failures > 0 ? "FAILED" : "COMPLETE"));
	json_object_del(event, "due");
	books_notice(b, users ? "USER_MANAGEMENT" : "ASSET_MANAGEMENT",
	    json_pack("{s:O,s:s,s:s}", "eventId", json_object_get(event, "eventId"), "type", type, "result",
		failures > 0 ? "FAILURE" : "SUCCESS"));
}

json_t *
books_event_begin(const struct books *b, const char *type, json_t *body, size_t requested)
{
	const char *id = crypto_uuid(b->arena);
	json_int_t due = clock_mono_ms() + b->set.event_ms;
	json_t *event = json_pack("{s:s,s:s,s:s,s:I,s:i,s:[],s:I}", "eventId", id, "eventType", type, "eventStatus",
	    "PENDING", "numRequested", (json_int_t)requested, "numCompleted", 0, "failures", "due", due);

	json_object_update(event, body);
	json_object_set_new(books_part(b, "events"), id, event);
	return json_pack("{s:s,s:s,s:s}", "eventId", id, "uId", b->uid, "tokenExpirationDate", b->expires);
}

/* ---- notifications ---- */

/* Best effort, up to three tries (protocol 11). Without the lock: the server may be slow. */
static void
tell(struct books *b, struct http_client *h, json_t *what, const char *url, const char *token)
{
	struct arena *a = arena_new(0);
	const char *const headers[] = { "Content-Type: application/json",
		arena_printf(a, "Authorization: Bearer %s", token != NULL ? token : ""), NULL };
	struct http_client_request r = {
		.method = "POST", .url = url, .headers = headers, .body = json_text(a, what, 0)
	};
	struct http_client_answer answer = { 0 };
	struct fault f;
	struct err e = { 0 };

	if (!faults_take(
		b->set.faults, a, "apps-and-books-notification", json_get_text(what, "notificationType"), &f)) {
		for (int i = 0; i < NOTICE_TRIES; i++) {
			if (http_client_send(h, a, &r, &answer, &e) == RC_OK && answer.status < 300)
				break;
		}
		if (answer.status >= 300 || answer.status == 0)
			log_warn("a notification was not taken", "url", url, "error", e.text);
	}
	arena_free(a);
}

static void
tell_one(struct books *b, struct http_client *h)
{
	json_t *client = books_part(b, "client"), *what = json_deep_copy(json_array_get(books_part(b, "notices"), 0));
	char *url = http_need(strdup(json_get_text(client, "notificationUrl")));
	const char *said = json_get_text(client, "notificationAuthToken");
	char *token = said != NULL ? http_need(strdup(said)) : NULL;

	json_array_remove(books_part(b, "notices"), 0);
	pthread_mutex_unlock(&b->lock);
	tell(b, h, what, url, token);
	json_decref(what);
	free(url);
	free(token);
	pthread_mutex_lock(&b->lock);
}

static void
finish_due(struct books *b)
{
	int64_t now = clock_mono_ms();
	const char *id;
	json_t *event;

	json_object_foreach(books_part(b, "events"), id, event)
	{
		if (json_object_get(event, "due") != NULL && json_get_int(event, "due", 0) <= now)
			finish(b, event);
	}
}

void *
books_run(void *arg)
{
	struct books *b = arg;
	const struct http_client_settings settings = {
		.ca_file = b->set.ca_file, .user_agent = "postern-apple", .timeout_ms = NOTICE_MS
	};
	struct http_client *h = NULL;
	struct err e;

	if (http_client_open(&settings, &h, &e) != RC_OK)
		log_warn("no notification will be sent", "error", e.text);
	pthread_mutex_lock(&b->lock);
	while (!b->over) {
		struct timespec until;

		finish_due(b);
		if (h != NULL && json_array_size(books_part(b, "notices")) > 0) {
			tell_one(b, h);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&b->wake, &b->lock, &until);
	}
	pthread_mutex_unlock(&b->lock);
	http_client_close(h);
	return NULL;
}
