#include "fleet/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/plist.h"

#define SEGMENTS_MAX 12
#define HOLE_TEXT 16 /* octets of the marks in the patterns */
#define HEAD_MAX 1024

enum hole { HOLE_END, HOLE_DEVICE, HOLE_COMMAND, HOLE_PUSH_TOKEN, HOLE_MAGIC, HOLES };

/* Marks that stand in the patterns where a device's own words come; 12 octets are 16 of base64. */
static const char *const marks[HOLES] = { NULL, "@@@@DEVICE@@@@@@", "@@@@COMMAND@@@@@", "QEBAQFBVU0hAQEBA",
	"@@@@MAGIC@@@@@@@" };
static const uint8_t push_mark[12] = { 0x40, 0x40, 0x40, 0x40, 0x50, 0x55, 0x53, 0x48, 0x40, 0x40, 0x40, 0x40 };

struct pattern {
	struct {
		const char *p;
		size_t n;
		enum hole then; /* what comes behind it */
	} segment[SEGMENTS_MAX];
	char head[HEAD_MAX]; /* up to the number of Content-Length */
	size_t head_n;
};

struct fleet_wire {
	struct fleet_wire_plan plan;
	struct arena *arena;
	struct pattern pattern[FLEET_MESSAGES];
	char proxy[512]; /* fields of the proxy's */
	size_t proxy_n;
};

static const struct {
	const char *name, *status, *type; /* Status or MessageType */
	bool checkin;
} messages[FLEET_MESSAGES] = {
	[FLEET_IDLE] = { "Idle", "Idle", NULL, false },
	[FLEET_ACKNOWLEDGED] = { "Acknowledged", "Acknowledged", NULL, false },
	[FLEET_NOT_NOW] = { "NotNow", "NotNow", NULL, false },
	[FLEET_AUTHENTICATE] = { "Authenticate", NULL, "Authenticate", true },
	[FLEET_TOKEN_UPDATE] = { "TokenUpdate", NULL, "TokenUpdate", true },
	[FLEET_SYNC] = { "tokens", NULL, "DeclarativeManagement", true },
	[FLEET_RENEWAL] = { "refresh", NULL, NULL, false },
	[FLEET_NOTHING] = { "nothing", NULL, NULL, false },
};

const char *
fleet_message_name(enum fleet_message m)
{
	return messages[m].name;
}

/* ---- patterns ---- */

static void
put_facts(plist_t m, const struct fleet_head *h)
{
	plist_put_text(m, "OSVersion", h->os_version);
	plist_put_text(m, "BuildVersion", h->build);
	plist_put_text(m, "ProductName", h->product);
}

static struct bytes
body_pattern(struct arena *a, const struct fleet_head *h, enum fleet_message kind)
{
	plist_t m = plist_keep(a, plist_new_dict());

	plist_put_text(m, "EnrollmentID", marks[HOLE_DEVICE]);
	if (messages[kind].status != NULL)
		plist_put_text(m, "Status", messages[kind].status);
	if (messages[kind].type != NULL) {
		plist_put_text(m, "MessageType", messages[kind].type);
		plist_put_text(m, "Topic", h->topic);
	}
	if (kind == FLEET_AUTHENTICATE)
		put_facts(m, h);
	if (kind == FLEET_SYNC)
		plist_put_text(m, "Endpoint", "tokens");
	if (kind == FLEET_TOKEN_UPDATE) {
		plist_put_data(m, "Token", bytes_of(push_mark, sizeof push_mark));
		plist_put_text(m, "PushMagic", marks[HOLE_MAGIC]);
		plist_put_flag(m, "AwaitingConfiguration", false);
	}
	if (kind == FLEET_ACKNOWLEDGED || kind == FLEET_NOT_NOW)
		plist_put_text(m, "CommandUUID", marks[HOLE_COMMAND]);
	if (kind == FLEET_ACKNOWLEDGED) {
		plist_t answers = plist_new_dict();

		put_facts(answers, h);
		plist_put_text(answers, "ModelName", h->family);
		plist_put(m, "QueryResponses", answers);
	}
	return plist_xml(a, m);
}

/* Cut the text at its marks. */
static enum rc
cut(struct bytes text, struct pattern *p, struct err *e)
{
	const char *at = (const char *)text.p, *end = at + text.n;

	for (int i = 0; i < SEGMENTS_MAX; i++) {
		const char *found = end;

		p->segment[i].then = HOLE_END;
		for (int k = HOLE_DEVICE; k < HOLES; k++) {
			const char *mark = memmem(at, (size_t)(end - at), marks[k], HOLE_TEXT);

			if (mark != NULL && mark < found) {
				found = mark;
				p->segment[i].then = (enum hole)k;
			}
		}
		p->segment[i].p = at;
		p->segment[i].n = (size_t)(found - at);
		if (found == end)
			return RC_OK;
		at = found + HOLE_TEXT;
	}
	return fail(e, RC_INTERNAL, "a message with too many parts");
}

static enum rc
write_head(const struct fleet_head *h, enum fleet_message kind, struct pattern *p, struct err *e)
{
	const char *host = strstr(h->url, "://") != NULL ? strstr(h->url, "://") + 3 : h->url;
	bool checkin = messages[kind].checkin, renewal = kind == FLEET_RENEWAL;
	int n = snprintf(p->head, sizeof p->head,
	    "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: MDM/1.0 (postern-device fleet)\r\n%sContent-Type: %s\r\n"
	    "Content-Length: ",
	    renewal ? "POST" : "PUT",
	    renewal   ? "/oauth2/token"
	    : checkin ? h->checkin_path
		      : h->command_path,
	    host, renewal ? "" : "Cache-Control: no-cache\r\n",
	    renewal   ? "application/x-www-form-urlencoded"
	    : checkin ? "application/x-apple-aspen-mdm-checkin"
		      : "application/x-apple-aspen-mdm; charset=UTF-8");

	if (kind == FLEET_NOTHING)
		n = snprintf(p->head, sizeof p->head, "GET /nobody-serves-this HTTP/1.1\r\nHost: %s\r\n\r\n", host);
	if (n < 0 || (size_t)n >= sizeof p->head)
		return fail(e, RC_BAD_INPUT, "the server's URL is too long");
	p->head_n = (size_t)n;
	return RC_OK;
}

enum rc
fleet_wire_new(const struct fleet_wire_plan *plan, struct fleet_wire **out, struct err *e)
{
	struct fleet_wire *w = calloc(1, sizeof *w);
	const struct fleet_head *h = plan->fleet->head;
	enum rc rc = RC_OK;

	if (w == NULL)
		abort();
	w->plan = *plan;
	w->arena = arena_new(0);
	for (int i = 0; rc == RC_OK && i < FLEET_MESSAGES; i++) {
		rc = write_head(h, (enum fleet_message)i, &w->pattern[i], e);
		if (rc == RC_OK && i < FLEET_RENEWAL)
			rc = cut(body_pattern(w->arena, h, (enum fleet_message)i), &w->pattern[i], e);
	}
	if (plan->proof == FLEET_PROOF_PROXY)
		w->proxy_n = (size_t)snprintf(w->proxy, sizeof w->proxy, "X-Forwarded-Proto: https\r\n%s%s%s",
		    plan->proxy_secret != NULL ? "Postern-Proxy-Secret: " : "",
		    plan->proxy_secret != NULL ? plan->proxy_secret : "", plan->proxy_secret != NULL ? "\r\n" : "");
	if (rc == RC_OK && w->proxy_n >= sizeof w->proxy)
		rc = fail(e, RC_BAD_INPUT, "the proxy's secret is too long");
	if (rc != RC_OK) {
		fleet_wire_free(w);
		return rc;
	}
	*out = w;
	return RC_OK;
}

void
fleet_wire_free(struct fleet_wire *w)
{
	if (w == NULL)
		return;
	arena_free(w->arena);
	explicit_bzero(w, sizeof *w);
	free(w);
}

/* ---- bodies ---- */

static char *
copy(char *to, const char *p, size_t n)
{
	memcpy(to, p, n);
	return to + n;
}

static char *
fill(const struct fleet_head *h, uint32_t push_version, enum hole hole, uint64_t n, const char *uuid, char *to)
{
	char text[FLEET_MAGIC];
	uint8_t push[32];

	switch (hole) {
	case HOLE_DEVICE:
		fleet_uuid(to, h->tag, FLEET_UUID_DEVICE, n);
		return to + FLEET_UUID - 1;
	case HOLE_COMMAND:
		return copy(to, uuid, strlen(uuid));
	case HOLE_PUSH_TOKEN:
		fleet_secret(push, h->secret, FLEET_PUSH_TOKEN, n, push_version);
		return to + fleet_base64(to, bytes_of(push, sizeof push));
	case HOLE_MAGIC:
		fleet_push_magic(text, h->tag, n, push_version);
		return copy(to, text, strlen(text));
	default:
		return to;
	}
}

static size_t
renewal_body(const struct fleet *f, uint64_t n, char to[FLEET_BODY_MAX])
{
	return (size_t)snprintf(to, FLEET_BODY_MAX, "grant_type=refresh_token&refresh_token=%.127s&client_id=%s",
	    fleet_at(f, n)->refresh, f->head->client_id);
}

size_t
fleet_wire_body(const struct fleet_wire *w, enum fleet_message m, uint64_t n, const char *uuid, char to[FLEET_BODY_MAX])
{
	const struct fleet *f = w->plan.fleet;
	const struct pattern *p = &w->pattern[m];
	uint32_t push_version = fleet_at(f, n)->push_version;
	char *at = to;

	if (m == FLEET_RENEWAL)
		return renewal_body(f, n, to);
	for (int i = 0;; i++) {
		at = copy(at, p->segment[i].p, p->segment[i].n);
		if (p->segment[i].then == HOLE_END)
			return (size_t)(at - to);
		at = fill(f->head, push_version, p->segment[i].then, n, uuid, at);
	}
}

/* ---- requests ---- */

static char *
text(char *to, const char *s)
{
	return copy(to, s, strlen(s));
}

static char *
decimal(char *to, size_t n)
{
	char digits[20];
	int i = (int)sizeof digits;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return copy(to, digits + i, sizeof digits - (size_t)i);
}

/* Each device at an address of its own, from the network for benchmarks (RFC 2544). */
static char *
forwarded(char *to, uint64_t n)
{
	to = text(to, "X-Forwarded-For: 198.");
	to = decimal(to, 18 + (n >> 16 & 1));
	*to++ = '.';
	to = decimal(to, n >> 8 & 255);
	*to++ = '.';
	to = decimal(to, n & 255);
	return text(to, "\r\n");
}

static char *
proof(const struct fleet_wire *w, const struct fleet_request *r, char *to)
{
	const struct fleet *f = w->plan.fleet;
	uint8_t der[FLEET_CERTIFICATE_MAX];

	if (w->plan.proof == FLEET_PROOF_PROXY) {
		to = copy(to, w->proxy, w->proxy_n);
		to = forwarded(to, r->device);
	}
	if (r->message == FLEET_RENEWAL)
		return to;
	if (w->plan.proof == FLEET_PROOF_PROXY) {
		fleet_certificate(f, r->device, der);
		to = text(to, w->plan.proxy_header);
		to = text(to, ": :");
		to += fleet_base64(to, bytes_of(der, f->head->certificate_size));
		return text(to, ":\r\n");
	}
	to = text(to, "Mdm-Signature: ");
	to += fleet_base64(to, r->signature);
	return text(to, "\r\n");
}

size_t
fleet_wire_request(const struct fleet_wire *w, const struct fleet_request *r, char to[FLEET_REQUEST_MAX])
{
	const struct pattern *p = &w->pattern[r->message];
	char body[FLEET_BODY_MAX], *at = to;
	size_t n;

	if (r->message == FLEET_NOTHING)
		return (size_t)(copy(to, p->head, p->head_n) - to);
	n = fleet_wire_body(w, r->message, r->device, r->uuid, body);
	at = copy(at, p->head, p->head_n);
	at = decimal(at, n);
	at = text(at, "\r\n");
	if (r->access != NULL && r->message != FLEET_RENEWAL) {
		at = text(at, "Authorization: Bearer ");
		at = text(at, r->access);
		at = text(at, "\r\n");
	}
	at = proof(w, r, at);
	at = text(at, "\r\n");
	return (size_t)(copy(at, body, n) - to);
}
