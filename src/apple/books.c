#include "apple/books_event.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "apple/lab.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "http/mem.h"

#define REQUESTS 64 /* paths that are counted */

/* ---- errors ---- */

enum trouble {
	FINE,
	BAD_REQUEST,
	TOO_MANY,
	NO_TOKEN,
	UNKNOWN_USER,
	UNKNOWN_ASSET,
	NO_LICENCE,
	NO_METHOD,
	NO_EVENT,
};
/* 9609, 9616, 9709 and 9726 are in Apple's text; the others stand for what it does not number. */
static const struct {
	int status, number;
	const char *message;
} troubles[] = {
	[BAD_REQUEST] = { 400, 9601, "A parameter is missing or not valid" },
	[TOO_MANY] = { 400, 9602, "More than service/config allows in one request" },
	[NO_TOKEN] = { 401, 9622, "Invalid authentication token" },
	[UNKNOWN_USER] = { 400, 9609, "Unable to find the registered user" },
	[UNKNOWN_ASSET] = { 400, 9610, "Asset not found" },
	[NO_LICENCE] = { 400, 9709, "There are not enough licenses" },
	[NO_METHOD] = { 404, 9726, "Method not supported" },
	[NO_EVENT] = { 404, 9611, "Event not found" },
};

/* ---- requests ---- */

static enum trouble
post_client(struct books *b, const struct books_request *r, json_t **out)
{
	json_object_update(books_part(b, "client"), r->body);
	*out = json_pack("{s:s,s:s}", "uId", b->uid, "tokenExpirationDate", b->expires);
	return FINE;
}

static enum trouble
get_config(struct books *b, const struct books_request *r, json_t **out)
{
	(void)b, (void)r;
	*out = json_pack("{s:{s:i,s:i,s:i},s:[s,s,s,s]}", "limits", "maxUsers", BOOKS_MAX_USERS, "maxAssets",
	    BOOKS_MAX_ASSETS, "maxClientUserIds", BOOKS_MAX_CLIENT_USER_IDS, "notificationTypes", "ASSET_COUNT",
	    "ASSET_MANAGEMENT", "USER_ASSOCIATED", "USER_MANAGEMENT");
	return FINE;
}

static enum trouble
post_users(struct books *b, const struct books_request *r, json_t **out)
{
	json_t *users = json_object_get(r->body, "users"), *u;
	size_t i;

	if (json_array_size(users) == 0)
		return BAD_REQUEST;
	if (json_array_size(users) > BOOKS_MAX_USERS || json_object_size(books_part(b, "users")) > BOOKS_USERS)
		return TOO_MANY;
	json_array_foreach(users, i, u)
	{
		if (json_get_text(u, "clientUserId") == NULL)
			return BAD_REQUEST;
		if (strstr(r->path, "update") != NULL &&
		    json_object_get(books_part(b, "users"), json_get_text(u, "clientUserId")) == NULL)
			return UNKNOWN_USER;
	}
	*out = books_event_begin(b, "USERS", r->body, json_array_size(users));
	return FINE;
}

static enum trouble
check_assets(const struct books *b, const json_t *assets, size_t n_users, bool give)
{
	const json_t *a;
	size_t i;

	json_array_foreach(assets, i, a)
	{
		const char *adam_id = json_get_text(a, "adamId");

		if (adam_id == NULL)
			return BAD_REQUEST;
		if (json_object_get(books_part(b, "assets"), adam_id) == NULL)
			return UNKNOWN_ASSET;
		if (give && books_available(b, adam_id) < (int64_t)n_users)
			return NO_LICENCE;
	}
	return FINE;
}

static enum trouble
post_assets(struct books *b, const struct books_request *r, json_t **out)
{
	bool give = strcmp(r->path, "/v2/assets/associate") == 0;
	json_t *assets = json_object_get(r->body, "assets"), *users = json_object_get(r->body, "clientUserIds"), *u;
	enum trouble t;
	size_t i;

	/* By serial number is Apple's other way, which a device under User Enrollment does not have. */
	if (json_array_size(assets) == 0 || json_array_size(users) == 0)
		return BAD_REQUEST;
	if (json_array_size(assets) > BOOKS_MAX_ASSETS || json_array_size(users) > BOOKS_MAX_CLIENT_USER_IDS ||
	    json_object_size(books_part(b, "events")) > BOOKS_USERS)
		return TOO_MANY;
	json_array_foreach(users, i, u)
	{
		if (!json_is_string(u) || json_object_get(books_part(b, "users"), json_string_value(u)) == NULL)
			return UNKNOWN_USER;
	}
	if ((t = check_assets(b, assets, json_array_size(users), give)) != FINE)
		return t;
	*out = books_event_begin(
	    b, give ? "ASSOCIATE" : "DISASSOCIATE", r->body, json_array_size(assets) * json_array_size(users));
	return FINE;
}

/* Everything that these people hold. */
static enum trouble
post_revoke(struct books *b, const struct books_request *r, json_t **out)
{
	json_t *users = json_object_get(r->body, "clientUserIds"), *body, *asset;
	const char *adam_id;

	if (json_array_size(users) == 0)
		return BAD_REQUEST;
	body = json_pack("{s:O,s:[]}", "clientUserIds", users, "assets");
	json_object_foreach(books_part(b, "assets"), adam_id, asset)
	    json_array_append_new(json_object_get(body, "assets"), json_pack("{s:s}", "adamId", adam_id));
	*out = books_event_begin(b, "REVOKE", body, json_array_size(users));
	json_decref(body);
	return FINE;
}

static enum trouble
get_status(struct books *b, const struct books_request *r, json_t **out)
{
	const char *id = r->argument(r->arg, "eventId");
	json_t *event = id != NULL ? json_object_get(books_part(b, "events"), id) : NULL;

	if (event == NULL)
		return NO_EVENT;
	*out = json_deep_copy(event);
	json_object_del(*out, "due");
	return FINE;
}

/* The page that is asked for, of an array. */
static json_t *
page_of(const struct books_request *r, const char *name, json_t *all)
{
	const char *text = r->argument(r->arg, "pageIndex");
	size_t n = json_array_size(all), page = text != NULL ? strtoul(text, NULL, 10) : 0, from = page * BOOKS_PAGE;
	json_t *rows = json_array(), *o;

	for (size_t i = from; i >= page && i < n && i < from + BOOKS_PAGE; i++)
		json_array_append(rows, json_array_get(all, i));
	o = json_pack("{s:o,s:I,s:I,s:I}", name, rows, "currentPageIndex", (json_int_t)page, "size",
	    (json_int_t)json_array_size(rows), "totalPages", (json_int_t)((n + BOOKS_PAGE - 1) / BOOKS_PAGE));
	if (from + BOOKS_PAGE < n)
		json_object_set_new(o, "nextPageIndex", json_integer((json_int_t)page + 1));
	json_decref(all);
	return o;
}

static bool
asked(const struct books_request *r, const char *name, const char *value)
{
	const char *wanted = r->argument != NULL ? r->argument(r->arg, name) : NULL;

	return wanted == NULL || strcmp(wanted, value) == 0;
}

static json_t *
list_assets(const struct books *b, const struct books_request *r)
{
	json_t *all = json_array(), *asset, *row;
	const char *adam_id;

	json_object_foreach(books_part(b, "assets"), adam_id, asset)
	{
		if (!asked(r, "adamId", adam_id))
			continue;
		row = json_deep_copy(asset);
		json_object_set_new(row, "availableCount", json_integer(books_available(b, adam_id)));
		json_object_set_new(
		    row, "assignedCount", json_integer((json_int_t)json_object_size(books_holders(b, adam_id))));
		json_array_append_new(all, row);
	}
	return all;
}

static json_t *
list_assignments(const struct books *b, const struct books_request *r)
{
	json_t *all = json_array(), *held, *yes;
	const char *adam_id, *user;

	json_object_foreach(books_part(b, "assignments"), adam_id, held)
	{
		json_object_foreach(held, user, yes)
		{
			if (asked(r, "adamId", adam_id) && asked(r, "clientUserId", user))
				json_array_append_new(
				    all, json_pack("{s:s,s:s}", "adamId", adam_id, "clientUserId", user));
		}
	}
	return all;
}

static json_t *
list_users(const struct books *b, const struct books_request *r)
{
	json_t *all = json_array(), *u;
	const char *id;

	json_object_foreach(books_part(b, "users"), id, u)
	{
		if (asked(r, "clientUserId", id))
			json_array_append(all, u);
	}
	return all;
}

static enum trouble
get_assets(struct books *b, const struct books_request *r, json_t **out)
{
	*out = page_of(r, "assets", list_assets(b, r));
	return FINE;
}

static enum trouble
get_assignments(struct books *b, const struct books_request *r, json_t **out)
{
	*out = page_of(r, "assignments", list_assignments(b, r));
	return FINE;
}

static enum trouble
get_users(struct books *b, const struct books_request *r, json_t **out)
{
	*out = page_of(r, "users", list_users(b, r));
	return FINE;
}

static const struct {
	const char *path;
	bool post;
	enum trouble (*serve)(struct books *b, const struct books_request *r, json_t **out);
} calls[] = {
	{ "/v2/service/config", false, get_config },
	{ "/v2/client/config", true, post_client },
	{ "/v2/users/create", true, post_users },
	{ "/v2/users/update", true, post_users },
	{ "/v2/users", false, get_users },
	{ "/v2/assets", false, get_assets },
	{ "/v2/assignments", false, get_assignments },
	{ "/v2/assets/associate", true, post_assets },
	{ "/v2/assets/disassociate", true, post_assets },
	{ "/v2/assets/revoke", true, post_revoke },
	{ "/v2/status", false, get_status },
};

static enum trouble
serve(struct books *b, const struct books_request *r, json_t **out)
{
	if (r->bearer == NULL || !crypto_equal(r->bearer, b->token))
		return NO_TOKEN;
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(calls[i].path, r->path) == 0 && calls[i].post == (r->body != NULL))
			return calls[i].serve(b, r, out);
	}
	return NO_METHOD;
}

void
books_serve(struct books *b, struct arena *a, const struct books_request *r, struct books_answer *out)
{
	json_t *body = NULL, *requests;
	struct fault f;
	enum trouble t;

	*out = (struct books_answer){ .status = 200 };
	pthread_mutex_lock(&b->lock);
	requests = books_part(b, "requests");
	if (json_object_size(requests) < REQUESTS)
		json_object_set_new(requests, r->path, json_integer(json_get_int(requests, r->path, 0) + 1));
	if (faults_take(b->set.faults, a, "apps-and-books", r->path, &f) && f.status != 0) {
		out->status = f.status;
		out->retry_after = f.retry_after;
		body = f.body != NULL ? json_loads(f.body, 0, NULL) : NULL;
	} else if ((t = serve(b, r, &body)) != FINE) {
		out->status = troubles[t].status;
		body = json_pack("{s:i,s:s,s:{}}", "errorNumber", troubles[t].number, "errorMessage",
		    troubles[t].message, "errorInfo");
	}
	/* Nothing of the shared trees goes out of the lock. */
	out->body = json_keep(a, json_deep_copy(body));
	json_decref(body);
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
}

enum rc
books_invited(struct books *b, const char *code, const char *account)
{
	enum rc rc = RC_NOT_FOUND;
	const char *id, *its;
	json_t *known;

	pthread_mutex_lock(&b->lock);
	json_object_foreach(books_part(b, "users"), id, known)
	{
		its = json_get_text(known, "inviteCode"); /* what a server sent stands in there, too */
		if (its == NULL || strcmp(its, code) != 0 || json_object_get(known, "managedAppleId") != NULL)
			continue;
		json_object_set_new(known, "managedAppleId", json_string(account));
		json_object_set_new(known, "status", json_string("Associated"));
		books_notice(b, "USER_ASSOCIATED", json_pack("{s:[O]}", "users", known));
		rc = RC_OK;
	}
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
	return rc;
}

json_t *
books_ledger(struct books *b, struct arena *a)
{
	const struct books_request all = { 0 };
	json_t *o, *copy;

	pthread_mutex_lock(&b->lock);
	o = json_pack("{s:o,s:o,s:o,s:O}", "assets", list_assets(b, &all), "users", list_users(b, &all), "assignments",
	    list_assignments(b, &all), "requests", books_part(b, "requests"));
	copy = json_keep(a, json_deep_copy(o));
	json_decref(o);
	pthread_mutex_unlock(&b->lock);
	return copy;
}

/* ---- start and stop ---- */

static enum rc
read_token(struct books *b, struct err *e)
{
	struct bytes text, plain;
	enum rc rc = lab_read(b->arena, b->set.token_file, LAB_FILE, &text, e);
	json_t *j;

	if (rc != RC_OK)
		return rc;
	b->token = arena_strndup(b->arena, (const char *)text.p, strcspn((const char *)text.p, "\r\n"));
	plain = base64_decode(b->arena, bytes_str(b->token), false);
	if (plain.p == NULL || json_parse(b->arena, plain, &j, e) != RC_OK ||
	    (b->expires = json_get_text(j, "expDate")) == NULL)
		return fail(e, RC_BAD_INPUT, "%s is no token of Apps and Books", b->set.token_file);
	return RC_OK;
}

static enum rc
read_assets(struct books *b, struct err *e)
{
	struct bytes text;
	json_t *list, *asset;
	enum rc rc;
	size_t i;

	if (b->set.assets_file == NULL)
		return RC_OK;
	if ((rc = lab_read(b->arena, b->set.assets_file, LAB_FILE, &text, e)) != RC_OK ||
	    (rc = json_parse(b->arena, text, &list, e)) != RC_OK)
		return fail_in(e, rc, "%s", b->set.assets_file);
	json_array_foreach(list, i, asset)
	{
		json_t *o = json_pack("{s:s,s:s,s:b,s:b,s:I}", "pricingParam", "STDQ", "productType", "App",
		    "deviceAssignable", 1, "revocable", 1, "totalCount", (json_int_t)0);

		json_object_update(o, asset);
		if (json_get_text(asset, "adamId") == NULL ||
		    json_object_set_new(books_part(b, "assets"), json_get_text(asset, "adamId"), o) != 0)
			return fail(e, RC_BAD_INPUT, "%s: asset %zu has no adamId", b->set.assets_file, i + 1);
	}
	return RC_OK;
}

enum rc
books_start(const struct books_settings *s, struct books **out, struct err *e)
{
	struct books *b = http_need(calloc(1, sizeof *b));
	enum rc rc;

	*out = NULL;
	b->set = *s;
	b->arena = arena_new(0);
	b->uid = crypto_uuid(b->arena);
	b->root = json_pack("{s:{},s:{},s:{},s:{},s:{},s:{},s:[]}", "assets", "users", "assignments", "events",
	    "requests", "client", "notices");
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->wake, NULL);
	b->over = true;
	if ((rc = read_token(b, e)) != RC_OK || (rc = read_assets(b, e)) != RC_OK) {
		books_stop(b);
		return rc;
	}
	b->over = false;
	if (pthread_create(&b->thread, NULL, books_run, b) != 0)
		abort();
	*out = b;
	return RC_OK;
}

void
books_stop(struct books *b)
{
	bool runs;

	if (b == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	runs = !b->over;
	b->over = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
	if (runs)
		pthread_join(b->thread, NULL);
	json_decref(b->root);
	arena_free(b->arena);
	pthread_cond_destroy(&b->wake);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
