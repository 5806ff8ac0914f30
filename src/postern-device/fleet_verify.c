/* `postern-device fleet verify`: what devices know to be acknowledged, against what the store says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fleet/progress.h"
#include "fleet/state.h"
#include "fmt/base64.h"
#include "postern-device/fleet.h"
#include "postern-device/fleet_server.h"
#include "store/store.h"

#define LINE_MAX_OCTETS 256
#define UUID_MAX 64
#define TOLD_MAX 20 /* findings that are told one by one */
#define PAUSE 500 /* devices or commands on one arena */

/* clang-format off */
const struct argv_option fleet_verify_options[] = {
	FLEET_STATE_OPTION,
	ARGV_LIST("ledger", "FILE", "What `fleet run --ledger` wrote"),
	ARGV_TEXT("data", "DIR", "Folder of the server, made by `postern init`", .env = "POSTERN_DATA", .fallback = "/var/lib/postern"),
	ARGV_FLAG("json", "Print the result as one JSON object"),
	ARGV_END
};
const char fleet_verify_more[] =
    "lost: a message that was acknowledged to a device has left no trace. doubled: a command was delivered after its\n"
    "answer was acknowledged. stuck: a device of the ledger can't go on by itself. While no posternd\n"
    "has the SQLite store, or on a PostgreSQL store. Exit status 1 when there is any.";
/* clang-format on */

/* Acknowledged commands by UUID: open addressing, nothing is ever removed. */
struct answered {
	char (*uuid)[UUID_MAX];
	size_t size, n;
};

struct verify {
	struct fleet_server server;
	struct call *c;
	struct fleet fleet;
	struct answered answered;
	uint8_t *seen; /* a bit for each device of the ledger */
	int64_t *pushed; /* version of its last acknowledged TokenUpdate; -1: none */
	uint64_t devices, lines, lost, doubled, stuck;
	unsigned told;
};

static void
tell(struct verify *v, uint64_t *counter, const char *what, const char *who, const char *why)
{
	(*counter)++;
	if (v->told++ < TOLD_MAX)
		fprintf(stderr, "%s: %s: %s\n", what, who, why);
}

/* ---- the ledger ---- */

static size_t
slot_of(const struct answered *t, const char *uuid)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	size_t i;

	for (const char *p = uuid; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (i = h % t->size; t->uuid[i][0] != '\0' && strcmp(t->uuid[i], uuid) != 0; i = (i + 1) % t->size)
		;
	return i;
}

static bool
is_answered(const struct answered *t, const char *uuid)
{
	return t->size > 0 && t->uuid[slot_of(t, uuid)][0] != '\0';
}

static void
note_answered(struct answered *t, const char *uuid)
{
	if ((t->n + 1) * 2 > t->size) {
		struct answered bigger = { .size = t->size == 0 ? 4096 : t->size * 2, .n = t->n };

		if ((bigger.uuid = calloc(bigger.size, UUID_MAX)) == NULL)
			abort();
		for (size_t i = 0; i < t->size; i++)
			if (t->uuid[i][0] != '\0')
				memcpy(bigger.uuid[slot_of(&bigger, t->uuid[i])], t->uuid[i], UUID_MAX);
		free(t->uuid);
		*t = bigger;
	}
	size_t i = slot_of(t, uuid);

	t->n += t->uuid[i][0] == '\0';
	snprintf(t->uuid[i], UUID_MAX, "%s", uuid);
}

static void
on_delivered(struct verify *v, uint64_t device, const char *which)
{
	(void)device;
	if (is_answered(&v->answered, which))
		tell(v, &v->doubled, "doubled", which, "delivered again after its answer was acknowledged");
}

static void
on_acknowledged(struct verify *v, uint64_t device, const char *which)
{
	(void)device;
	note_answered(&v->answered, which);
}

static void
on_token_update(struct verify *v, uint64_t device, const char *which)
{
	int64_t version = fleet_push_version(which, v->fleet.head->tag, device);

	if (version > v->pushed[device])
		v->pushed[device] = version;
}

static const struct {
	const char *what;
	bool which; /* a second word follows */
	void (*note)(struct verify *v, uint64_t device, const char *which); /* NULL: that the device was there is all */
} kinds[] = {
	{ "delivered", true, on_delivered },
	{ "Acknowledged", true, on_acknowledged },
	{ "TokenUpdate", true, on_token_update },
	{ "NotNow", true, NULL },
	{ "Idle", false, NULL },
	{ "Authenticate", false, NULL },
	{ "renewed", false, NULL },
};

static enum rc
check_issued(struct verify *v, const char *fingerprint)
{
	static const char sql[] = "SELECT 1 FROM certificate WHERE fingerprint = ?1";
	struct db_rows r;
	enum rc rc = store_run(v->c, sql, DB_ARGS(db_blob(hex_decode(v->c->arena, fingerprint))), &r);

	if (rc == RC_OK && r.rows == 0)
		tell(v, &v->lost, "lost", fingerprint, "a device has this certificate, and the store does not know it");
	return rc;
}

/* A device that enrolled for real has a name of its own: it is looked up at once. */
static enum rc
check_enrolled(struct verify *v, const char *id)
{
	static const char sql[] =
	    "SELECT 1 FROM enrollment e JOIN channel c ON c.enrollment_id = e.id AND c.user_id = ''"
	    " JOIN certificate x ON x.fingerprint = e.certificate_fp AND x.revoked_at IS NULL"
	    " WHERE e.device_id = ?1 AND e.state = 'enrolled'";
	struct db_rows r;
	enum rc rc = store_run(v->c, sql, DB_ARGS(db_text(id)), &r);

	if (rc == RC_OK && r.rows == 0)
		tell(v, &v->lost, "lost", id, "it was enrolled, and the store has no such enrollment");
	v->devices += rc == RC_OK;
	return rc;
}

static bool
read_line(struct verify *v, char *line)
{
	char *id = strchr(line, ' '), *which;
	uint64_t n;

	if (id == NULL)
		return false;
	*id++ = '\0';
	if ((which = strchr(id, ' ')) != NULL)
		*which++ = '\0';
	if (!fleet_uuid_read(id, v->fleet.head->tag, FLEET_UUID_DEVICE, &n) || n >= v->fleet.head->count)
		return false;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].what, line) != 0 || kinds[i].which != (which != NULL))
			continue;
		if (which != NULL && (which[0] == '\0' || strlen(which) >= UUID_MAX))
			return false;
		v->devices += (v->seen[n / 8] >> (n % 8) & 1) == 0;
		v->seen[n / 8] |= (uint8_t)(1u << (n % 8));
		if (kinds[i].note != NULL)
			kinds[i].note(v, n, which);
		return true;
	}
	return false;
}

static enum rc
read_ledger(struct verify *v, const char *path)
{
	char line[LINE_MAX_OCTETS];
	FILE *f = fopen(path, "re");
	enum rc rc = RC_OK;

	if (f == NULL)
		return fail(&v->c->err, RC_NOT_FOUND, "%s: %s", path, strerror(errno));
	while (rc == RC_OK && fgets(line, sizeof line, f) != NULL) {
		char *end = strchr(line, '\n');

		if (end == NULL && feof(f))
			break; /* the generator was killed while it wrote: nobody relied on that line */
		v->lines++;
		if (end != NULL)
			*end = '\0';
		if (end != NULL && strncmp(line, "enrolled ", 9) == 0)
			rc = check_enrolled(v, line + 9);
		else if (end != NULL && strncmp(line, "issued ", 7) == 0)
			rc = check_issued(v, line + 7);
		else if (end == NULL || !read_line(v, line))
			rc = fail(&v->c->err, RC_BAD_INPUT, "%s line %llu is none of this fleet's ledger", path,
			    (unsigned long long)v->lines);
	}
	fclose(f);
	return rc;
}

/* ---- the store ---- */

static enum rc
one_number(struct verify *v, const char *sql, struct db_value key, int64_t *n)
{
	struct db_rows r;
	enum rc rc = store_run(v->c, sql, DB_ARGS(key), &r);

	*n = rc == RC_OK && r.rows > 0 ? db_get_int(&r, 0, 0) : 0;
	return rc;
}

/* An acknowledged answer is in the store, and so its command is queued no more. */
static enum rc
check_command(struct verify *v, const char *uuid)
{
	static const char sql[] = "SELECT COUNT(*) FROM command WHERE uuid = ?1 AND answered_at IS NOT NULL";
	int64_t answered;
	enum rc rc = one_number(v, sql, db_text(uuid), &answered);

	if (rc == RC_OK && answered == 0)
		tell(v, &v->lost, "lost", uuid, "its acknowledged answer is not in the store");
	return rc;
}

/* What was prepared is queued or answered. */
static enum rc
check_queue(struct verify *v, const char *who, const char *enrollment)
{
	static const char sql[] = "SELECT COUNT(*) FROM command WHERE enrollment_id = ?1";
	int64_t n;
	enum rc rc = one_number(v, sql, db_text(enrollment), &n);

	if (rc == RC_OK && n < (int64_t)v->fleet.head->commands)
		tell(v, &v->lost, "lost", who, "commands are neither queued nor answered");
	return rc;
}

/* The last acknowledged TokenUpdate, or one after it whose answer was lost. */
static enum rc
check_channel(struct verify *v, const char *who, uint64_t n, const char *enrollment)
{
	static const char sql[] = "SELECT push_magic FROM channel WHERE enrollment_id = ?1 AND user_id = ''";
	struct db_rows r;
	int64_t version = -1;
	enum rc rc;

	if ((rc = store_run(v->c, sql, DB_ARGS(db_text(enrollment)), &r)) != RC_OK)
		return rc;
	if (r.rows > 0)
		version = fleet_push_version(db_get_text(&r, 0, 0), v->fleet.head->tag, n);
	if (r.rows == 0)
		tell(v, &v->stuck, "stuck", who, "it has no channel, so nobody can wake it");
	else if (version < v->pushed[n] || version > (int64_t)fleet_at(&v->fleet, n)->push_version)
		tell(v, &v->lost, "lost", who, "its acknowledged push token is not in the store");
	return RC_OK;
}

/* Can the device go on by what it holds? Its access token need not be fresh, if the refresh token is good:
 * of the newest generation, or of the one before while nothing of the newest was used. */
static enum rc
check_tokens(struct verify *v, const char *who, uint64_t n, const char *enrollment)
{
	static const char sql[] =
	    "SELECT 1 FROM oauth_token t JOIN oauth_grant g ON g.id = t.grant_id"
	    " WHERE t.hash = ?1 AND t.kind = ?2 AND g.enrollment_id = ?3 AND g.revoked_at IS NULL AND"
	    " (?2 = 'access' OR t.generation = g.generation OR (t.generation = g.generation - 1 AND g.confirmed = 0))";
	const struct fleet_record *f = fleet_at(&v->fleet, n);
	struct db_rows by_access, by_refresh;
	struct arena *a = v->c->arena;
	enum rc rc;

	rc = store_run(v->c, sql,
	    DB_ARGS(db_blob(crypto_sha256_text(a, f->access)), db_text("access"), db_text(enrollment)), &by_access);
	if (rc == RC_OK)
		rc = store_run(v->c, sql,
		    DB_ARGS(db_blob(crypto_sha256_text(a, f->refresh)), db_text("refresh"), db_text(enrollment)),
		    &by_refresh);
	if (rc != RC_OK)
		return rc;
	if (by_access.rows == 0 && by_refresh.rows == 0)
		tell(v, &v->stuck, "stuck", who, "the store knows neither of its tokens");
	else if (by_refresh.rows == 0)
		tell(v, &v->stuck, "stuck", who, "the store does not take its refresh token");
	return RC_OK;
}

static enum rc
check_device(struct verify *v, uint64_t n)
{
	static const char sql[] = "SELECT e.state, c.revoked_at, c.fingerprint FROM enrollment e"
				  " LEFT JOIN certificate c ON c.fingerprint = e.certificate_fp WHERE e.id = ?1";
	char enrollment[FLEET_UUID], who[FLEET_UUID];
	const char *state;
	struct db_rows r;
	enum rc rc;

	fleet_uuid(enrollment, v->fleet.head->tag, FLEET_UUID_ROW, n);
	fleet_uuid(who, v->fleet.head->tag, FLEET_UUID_DEVICE, n);
	if ((rc = store_run(v->c, sql, DB_ARGS(db_text(enrollment)), &r)) != RC_OK)
		return rc;
	/* `reauth` is no more than a question that was asked: who has a good token answers it by itself, and the tokens
	 * are looked at below. */
	state = r.rows > 0 ? db_get_text(&r, 0, 0) : NULL;
	if (state == NULL || (strcmp(state, "enrolled") != 0 && strcmp(state, "reauth") != 0)) {
		tell(v, &v->stuck, "stuck", who,
		    state == NULL ? "it has no enrollment" : arena_printf(v->c->arena, "its enrollment is %s", state));
		return RC_OK;
	}
	if (db_is_null(&r, 0, 2) || !db_is_null(&r, 0, 1))
		tell(v, &v->stuck, "stuck", who, "its certificate is not known, or revoked");
	if ((rc = check_tokens(v, who, n, enrollment)) != RC_OK || (rc = check_channel(v, who, n, enrollment)) != RC_OK)
		return rc;
	return check_queue(v, who, enrollment);
}

static enum rc
check_all(struct verify *v)
{
	struct arena *kept = v->c->arena;
	struct fleet_progress bar;
	uint64_t done = 0;
	enum rc rc = RC_OK;

	fleet_progress_begin(&bar, "checks", v->answered.n + v->devices);
	v->c->arena = arena_new(0);
	for (uint64_t i = 0; rc == RC_OK && i < v->answered.size + v->fleet.head->count; i++) {
		uint64_t n = i - v->answered.size;
		bool command = i < v->answered.size;

		if (command ? v->answered.uuid[i][0] == '\0' : (v->seen[n / 8] >> (n % 8) & 1) == 0)
			continue;
		rc = command ? check_command(v, v->answered.uuid[i]) : check_device(v, n);
		fleet_progress_at(&bar, ++done);
		if (done % PAUSE == 0) {
			arena_free(v->c->arena);
			v->c->arena = arena_new(0);
		}
	}
	arena_free(v->c->arena);
	v->c->arena = kept;
	fleet_progress_end(&bar);
	return rc;
}

static enum rc
verify_all(struct verify *v, const struct argv *argv)
{
	enum rc rc;

	v->c = &v->server.call;
	if (argv_list(argv, "ledger")[0] == NULL)
		return fail(&v->c->err, RC_BAD_INPUT, "name the ledger: --ledger FILE");
	if ((rc = fleet_server_open(&v->server, argv->arena, argv_text(argv, "data"), false)) != RC_OK ||
	    (rc = fleet_open(argv_text(argv, "state"), &v->fleet, &v->c->err)) != RC_OK)
		return rc;
	v->seen = calloc(1, v->fleet.head->count / 8 + 1);
	v->pushed = malloc(v->fleet.head->count * sizeof *v->pushed);
	if (v->seen == NULL || v->pushed == NULL)
		abort();
	memset(v->pushed, 0xff, v->fleet.head->count * sizeof *v->pushed); /* -1 */
	for (const char *const *path = argv_list(argv, "ledger"); *path != NULL; path++)
		if ((rc = read_ledger(v, *path)) != RC_OK)
			return rc;
	return check_all(v);
}

int
fleet_verify_command(const struct argv *argv, void *ctx)
{
	struct verify v = { .fleet = { .fd = -1 } };
	enum rc rc = verify_all(&v, argv);
	bool good = rc == RC_OK && v.lost == 0 && v.doubled == 0 && v.stuck == 0;

	(void)ctx;
	if (rc != RC_OK)
		fprintf(stderr, "postern-device: fleet verify: %s\n", v.c->err.text);
	else if (argv_flag(argv, "json"))
		printf("{\"devices\":%llu,\"lines\":%llu,\"commands\":%llu,\"lost\":%llu,\"doubled\":%llu,\"stuck\":%"
		       "llu}\n",
		    (unsigned long long)v.devices, (unsigned long long)v.lines, (unsigned long long)v.answered.n,
		    (unsigned long long)v.lost, (unsigned long long)v.doubled, (unsigned long long)v.stuck);
	else
		printf("%llu devices, %llu lost, %llu doubled, %llu stuck\n", (unsigned long long)v.devices,
		    (unsigned long long)v.lost, (unsigned long long)v.doubled, (unsigned long long)v.stuck);
	free(v.answered.uuid);
	free(v.seen);
	free(v.pushed);
	fleet_close(&v.fleet);
	fleet_server_close(&v.server);
	return good ? 0 : 1;
}
