#include <stdlib.h>
#include <string.h>

#include "apple/apple.h"
#include "base/log.h"

static void
send_json(struct call *c, struct http_reply *out, const json_t *j)
{
	http_answer(out, 200, "application/json", json_text(c->arena, j, 0));
}

static int64_t
number(struct call *c, const struct http_request *r, const char *name, int64_t otherwise, int64_t most)
{
	const char *text = http_query(c, r, name, false);
	int64_t n = text != NULL ? strtoll(text, NULL, 10) : otherwise;

	return n < 0 ? 0 : n < most ? n : most;
}

static json_t *
sums(struct apple *apple, struct arena *a)
{
	return json_keep(a, json_pack("{s:O}", "apns", apns_totals(apple->apns, a)));
}

static void
get_ledger(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)r;
	send_json(c, out, sums(room, c->arena));
}

static void
get_tokens(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;

	send_json(c, out,
	    apns_tokens(apple->apns, c->arena, number(c, r, "from", 0, APNS_TOKENS),
		number(c, r, "limit", 1000, APPLE_LEDGER)));
}

static void
get_books(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;

	(void)r;
	send_json(c, out, books_ledger(apple->books, c->arena));
}

const char *const apple_diary_names[] = { [APPLE_ASSIGNMENT] = "assignment",
	[APPLE_DISCOVERY] = "discovery",
	[APPLE_SIGN_IN] = "sign-in",
	[APPLE_DIARIES] = NULL };

static void
get_diary(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	int i = 0;

	while (apple_diary_names[i] != NULL && strcmp(apple_diary_names[i], r->segment[0]) != 0)
		i++;
	if (apple_diary_names[i] == NULL)
		http_fail(out, RC_NOT_FOUND);
	else
		send_json(c, out, diary_json(apple->diary[i], c->arena, number(c, r, "limit", DIARY_ROWS, DIARY_ROWS)));
}

static void
put_faults(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	enum rc rc = faults_set(apple->faults, r->body, &c->err);

	if (rc != RC_OK)
		http_answer(
		    out, http_status(rc), "text/plain; charset=utf-8", bytes_str(arena_strdup(c->arena, c->err.text)));
	else
		http_answer(out, 204, NULL, (struct bytes){ 0 });
}

static void
get_push(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	const char *token, *magic;
	enum rc rc = apns_wait(apple->apns, c, r->segment[0],
	    1000 * (int)number(c, r, "seconds", APPLE_WAIT_S / 2, APPLE_WAIT_S), &token, &magic);

	if (rc == RC_OK)
		send_json(c, out, json_keep(c->arena, json_pack("{s:s,s:s}", "token", token, "mdm", magic)));
	else if (rc == RC_NOT_FOUND)
		http_answer(out, 204, NULL, (struct bytes){ 0 });
	else
		http_fail(out, rc);
}

#define OPEN (1u << HTTP_DOOR_PLAIN)

const struct http_route apple_routes[] = {
	/* method path             class         max body        doors handler */
	{ "GET", "/", HTTP_HEAVY, 4 << 20, OPEN, apple_page },
	{ "GET", "/ledger", HTTP_HEAVY, 0, OPEN, get_ledger },
	{ "GET", "/ledger/apns", HTTP_HEAVY, 4 << 20, OPEN, get_tokens }, /* its memory goes by the largest body */
	{ "GET", "/ledger/apps-and-books", HTTP_HEAVY, 4 << 20, OPEN, get_books },
	{ "GET", "/ledger/{}", HTTP_HEAVY, 4 << 20, OPEN, get_diary },
	{ "PUT", "/faults", HTTP_HEAVY, 1 << 20, OPEN, put_faults },
	{ "GET", "/devices/{}/wait", HTTP_QUICK, 0, OPEN, get_push },
	{ 0 },
};

/* ---- Apps and Books ---- */

struct asking {
	struct call *c;
	const struct http_request *r;
};

static const char *
argument(void *arg, const char *name)
{
	const struct asking *x = arg;

	return http_query(x->c, x->r, name, false);
}

static void
serve_books(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	static const char scheme[] = "Bearer ";
	const struct apple *apple = room;
	struct asking asking = { c, r };
	const char *authorization = http_header(r, "Authorization");
	struct books_request request = { .path = r->path + strlen("/mdm"), .argument = argument, .arg = &asking };
	struct books_answer answer;

	if (authorization != NULL && strncmp(authorization, scheme, sizeof scheme - 1) == 0)
		request.bearer = authorization + sizeof scheme - 1;
	if (strcmp(r->method, "POST") == 0 &&
	    (json_parse(c->arena, r->body, &request.body, &c->err) != RC_OK || !json_is_object(request.body))) {
		http_fail(out, RC_BAD_INPUT);
		return;
	}
	books_serve(apple->books, c->arena, &request, &answer);
	http_answer(out, answer.status, "application/json",
	    answer.body != NULL ? json_text(c->arena, answer.body, 0) : (struct bytes){ 0 });
	if (answer.retry_after > 0)
		http_set(out, "Retry-After", arena_printf(c->arena, "%d", answer.retry_after));
}

#define TLS (1u << HTTP_DOOR_TLS)

/* Which of them there are is books.c's to say. */
const struct http_route books_routes[] = {
	{ "GET", "/mdm/v2/{}", HTTP_HEAVY, 1 << 20, TLS, serve_books },
	{ "GET", "/mdm/v2/{}/{}", HTTP_HEAVY, 1 << 20, TLS, serve_books },
	{ "POST", "/mdm/v2/{}/{}", HTTP_HEAVY, 1 << 20, TLS, serve_books },
	{ 0 },
};
