#include "account/throttle.h"

#include <arpa/inet.h>
#include <string.h>

#include "account/account.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "store/store.h"

#define DIGEST 16 /* octets of SHA-256 that name a subject */
#define PRUNE 50 /* rows at most that one failure clears away */

static const char *
subject(struct arena *a, const char *prefix, struct bytes of)
{
	struct bytes digest = crypto_sha256(a, of);

	return arena_printf(a, "%s:%s", prefix, hex_encode(a, bytes_of(digest.p, DIGEST)));
}

/* What an address counts as: IPv4 whole (also inside IPv6), IPv6 by its network. */
static struct bytes
network(struct arena *a, const char *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t *v6 = arena_alloc(a, 16);

	if (address == NULL || inet_pton(AF_INET6, address, v6) != 1)
		return bytes_str(address != NULL ? address : "");
	if (memcmp(v6, mapped, sizeof mapped) == 0) {
		char *v4 = arena_alloc(a, INET_ADDRSTRLEN);

		return bytes_str(inet_ntop(AF_INET, v6 + 12, v4, INET_ADDRSTRLEN));
	}
	return bytes_of(v6, 8);
}

struct throttle
throttle_of(struct arena *a, const char *user_identifier, const char *address)
{
	return (struct throttle){
		.person = subject(a, "person", bytes_str(account_fold(a, user_identifier))),
		.address = subject(a, "address", network(a, address)),
	};
}

int64_t
throttle_wait(int64_t failures, int64_t free)
{
	int64_t over = failures - free;

	if (over <= 0)
		return 0;
	if (over > 8) /* 5 s doubled eight times is past the most already */
		return THROTTLE_MOST_WAIT;
	return THROTTLE_FIRST_WAIT << (over - 1) < THROTTLE_MOST_WAIT ? THROTTLE_FIRST_WAIT << (over - 1)
								      : THROTTLE_MOST_WAIT;
}

struct count {
	int64_t failures, until_at;
};

static enum rc
get(struct call *c, const char *subject, struct count *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT failures, until_at FROM throttle WHERE subject = ?1 AND updated_at > ?2",
	    DB_ARGS(db_text(subject), db_int(c->now - THROTTLE_FORGET)), &r);

	*out = (struct count){ 0, 0 };
	if (rc == RC_OK && r.rows > 0)
		*out = (struct count){ db_get_int(&r, 0, 0), db_get_int(&r, 0, 1) };
	return rc;
}

static enum rc
put(struct call *c, const char *subject, const struct count *n)
{
	return store_run(c,
	    "INSERT INTO throttle (subject, failures, until_at, updated_at) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, until_at = excluded.until_at,"
	    "  updated_at = excluded.updated_at",
	    DB_ARGS(db_text(subject), db_int(n->failures), db_int(n->until_at), db_int(c->now)), NULL);
}

static int64_t
free_tries(const struct call *c)
{
	return c->conf != NULL && c->conf->password_tries > 0 ? c->conf->password_tries : THROTTLE_PERSON_FREE;
}

struct begin {
	const struct throttle *t;
	int64_t wait_s;
};

static enum rc
begin(struct call *c, void *arg)
{
	struct begin *in = arg;
	struct count person, address;
	int64_t until;
	enum rc rc;

	in->wait_s = 0;
	if ((rc = get(c, in->t->person, &person)) != RC_OK || (rc = get(c, in->t->address, &address)) != RC_OK)
		return rc;
	until = person.until_at > address.until_at ? person.until_at : address.until_at;
	if (until > c->now) {
		in->wait_s = until - c->now;
		return fail(&c->err, RC_TOO_LARGE, "too many wrong passwords: %d s to wait", (int)in->wait_s);
	}
	person.failures++;
	person.until_at = c->now + throttle_wait(person.failures, free_tries(c));
	return put(c, in->t->person, &person);
}

enum rc
throttle_begin(struct call *c, const struct throttle *t, int *wait_s)
{
	struct begin in = { t, 0 };
	enum rc rc = store_unit(c, begin, &in);

	*wait_s = (int)in.wait_s;
	return rc;
}

struct end {
	const struct throttle *t;
	bool tried;
};

static enum rc
give_back(struct call *c, const char *subject)
{
	struct count n;
	enum rc rc = get(c, subject, &n);

	if (rc != RC_OK || n.failures == 0)
		return rc;
	n.failures--;
	n.until_at = c->now;
	return put(c, subject, &n);
}

static enum rc
add_failure(struct call *c, const char *subject)
{
	struct count n;
	enum rc rc = get(c, subject, &n);

	if (rc != RC_OK)
		return rc;
	n.failures++;
	n.until_at = c->now + throttle_wait(n.failures, THROTTLE_ADDRESS_FREE);
	if ((rc = put(c, subject, &n)) != RC_OK)
		return rc;
	/* Whoever types many names makes many rows: each failure takes away more than it adds. */
	return store_run(c,
	    "DELETE FROM throttle WHERE subject IN"
	    " (SELECT subject FROM throttle WHERE updated_at <= ?1 ORDER BY updated_at LIMIT ?2)",
	    DB_ARGS(db_int(c->now - THROTTLE_FORGET), db_int(PRUNE)), NULL);
}

static enum rc
end(struct call *c, void *arg)
{
	const struct end *in = arg;

	return in->tried ? add_failure(c, in->t->address) : give_back(c, in->t->person);
}

enum rc
throttle_end(struct call *c, const struct throttle *t, bool tried)
{
	struct end in = { t, tried };

	return store_unit(c, end, &in);
}

enum rc
throttle_clear_person(struct call *c, const char *user_identifier)
{
	struct throttle t = throttle_of(c->arena, user_identifier, "");

	return store_run(c, "DELETE FROM throttle WHERE subject = ?1", DB_ARGS(db_text(t.person)), NULL);
}
