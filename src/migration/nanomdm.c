/* NanoMDM's stores: its folder of files (backend "file"), and its database on PostgreSQL (backend "pgsql"). */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "crypto/x509.h"
#include "fmt/base64.h"
#include "migration/inventory.h"
#include "store/bulk.h"

struct reading {
	struct arena *a;
	struct inventory *v;
	const char *folder;
	struct err *e;
};

/* A certificate (PEM) that NanoMDM kept of the device. */
static void
take_identity(struct arena *a, struct bytes pem, struct inventory_device *d)
{
	struct bytes *certificates = NULL;
	struct x509_info info;
	int n = 0;

	if (pem.n == 0 || x509_from_pem(a, pem, &certificates, &n, NULL) != RC_OK || n == 0 ||
	    x509_parse(a, certificates[0], &info, NULL) != RC_OK)
		return;
	d->certificate_until = info.not_after;
	if (d->certificate_sha256.p == NULL)
		d->certificate_sha256 = info.fingerprint;
}

static void
take_sum(struct arena *a, const char *text, struct inventory_device *d)
{
	struct bytes sum = text != NULL ? hex_decode(a, text) : bytes_of(NULL, 0);

	if (sum.n == 32)
		d->certificate_sha256 = sum;
}

/* ---- files: a folder for each enrollment ---- */

static struct bytes
content(struct reading *r, const char *folder, const char *name)
{
	struct bytes b = { 0 };

	return disk_read(r->a, folder, name, &b, NULL) == RC_OK ? b : bytes_of(NULL, 0);
}

static bool
is_there(struct reading *r, const char *folder, const char *name, struct stat *st)
{
	return stat(arena_printf(r->a, "%s/%s", folder, name), st) == 0;
}

/* How many user channels: their names are files in a folder of the device's. */
static int
count_users(struct reading *r, const char *folder)
{
	DIR *d = opendir(arena_printf(r->a, "%s/SubEnrollments", folder));
	struct dirent *entry;
	int n = 0;

	while (d != NULL && (entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

/* One folder. That of a user channel has no Authenticate and is counted with its device. */
static enum rc
take_folder(struct reading *r, const char *id)
{
	const char *folder = arena_printf(r->a, "%s/%s", r->folder, id);
	struct bytes authenticate = content(r, folder, "Authenticate.plist");
	struct bytes update = content(r, folder, "TokenUpdate.plist"), sum;
	struct inventory_device d = { 0 }, *to;
	struct err why = { 0 };
	struct stat st;
	enum rc rc;

	if (authenticate.p == NULL)
		return RC_OK;
	d.id = inventory_text(r->a, bytes_str(id));
	d.serial_number = inventory_text(r->a, content(r, folder, "SerialNumber.txt"));
	if (d.id == NULL || inventory_authenticate(r->a, authenticate, &d, &why) != RC_OK ||
	    (update.p != NULL && inventory_token_update(r->a, update, &d, &why) != RC_OK)) {
		inventory_skip(r->a, r->v, &why);
		return RC_OK;
	}
	d.enrolled = update.p != NULL && !is_there(r, folder, "Disabled", &st);
	d.seen_at = is_there(r, folder, "TokenUpdate.plist", &st) ? st.st_mtime : 0;
	d.has_unlock_token = is_there(r, folder, "UnlockToken.dat", &st);
	d.has_bootstrap_token = is_there(r, folder, "BootstrapToken.dat", &st);
	d.user_channels = count_users(r, folder);
	if ((sum = content(r, folder, "CertAuth.sha256.txt")).p != NULL)
		take_sum(r->a, inventory_text(r->a, sum), &d);
	take_identity(r->a, content(r, folder, "Identity.pem"), &d);
	if ((rc = inventory_add(r->a, r->v, &to, r->e)) == RC_OK)
		*to = d;
	return rc;
}

/* TOPIC.pem, beside TOPIC.key. */
static void
take_push_file(struct reading *r, const char *name)
{
	size_t n = strlen(name);
	struct err why = { 0 };
	struct stat st;

	if (n < 4 || strcmp(name + n - 4, ".pem") != 0)
		return;
	if (inventory_add_push(r->a, r->v, content(r, r->folder, name),
		is_there(r, r->folder, arena_printf(r->a, "%.*s.key", (int)(n - 4), name), &st), &why) != RC_OK)
		inventory_skip(r->a, r->v, &why);
}

static enum rc
read_folder(struct reading *r)
{
	DIR *d = opendir(r->folder);
	struct dirent *entry;
	enum rc rc = RC_OK;
	struct stat st;

	if (d == NULL)
		return fail(
		    r->e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", r->folder, strerror(errno));
	while (rc == RC_OK && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || !is_there(r, r->folder, entry->d_name, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			rc = take_folder(r, entry->d_name);
		else
			take_push_file(r, entry->d_name);
	}
	closedir(d);
	if (rc == RC_OK && r->v->n == 0 && r->v->unreadable == 0 && r->v->n_push == 0)
		return fail(r->e, RC_BAD_INPUT,
		    "%s has no enrollments of NanoMDM's: no folder with an Authenticate.plist", r->folder);
	return rc;
}

/* ---- the database ---- */

static struct bytes
octets_of(const struct db_value *v)
{
	return v->type == DB_TEXT ? bytes_str(v->text) : bytes_of(NULL, 0);
}

/* Columns of devices_sql, in its order. */
enum {
	COL_ID,
	COL_SERIAL_NUMBER,
	COL_AUTHENTICATE,
	COL_IDENTITY,
	COL_UNLOCK_TOKEN,
	COL_BOOTSTRAP_TOKEN,
	COL_TOPIC,
	COL_ENABLED,
	COL_CAN_BE_PUSHED,
	COL_LAST_SEEN,
	COL_SUM,
	COL_USERS,
	COL_COUNT
};
static const char devices_sql[] =
    "SELECT d.id, d.serial_number, d.authenticate, d.identity_cert, d.unlock_token IS NOT NULL,"
    " d.bootstrap_token_b64 IS NOT NULL, e.topic, COALESCE(e.enabled, FALSE),"
    " COALESCE(e.token_hex <> '' AND e.push_magic <> '', FALSE),"
    " CAST(COALESCE(EXTRACT(EPOCH FROM e.last_seen_at), 0) AS BIGINT),"
    " (SELECT CAST(c.sha256 AS TEXT) FROM cert_auth_associations c WHERE c.id = d.id ORDER BY c.created_at DESC LIMIT "
    "1),"
    " (SELECT COUNT(*) FROM enrollments u WHERE u.device_id = d.id AND u.user_id IS NOT NULL AND u.enabled)"
    " FROM devices d LEFT JOIN enrollments e ON e.device_id = d.id AND e.user_id IS NULL";
static const char push_sql[] = "SELECT cert_pem, key_pem <> '' FROM push_certs";

static enum rc
take_row(void *arg, const struct db_value *row, int n)
{
	struct reading *r = arg;
	struct inventory_device d = { 0 }, *to;
	struct err why = { 0 };
	enum rc rc;

	if (n != COL_COUNT)
		return fail(r->e, RC_INTERNAL, "%d columns instead of %d", n, COL_COUNT);
	d.id = inventory_text(r->a, octets_of(&row[COL_ID]));
	d.serial_number = inventory_text(r->a, octets_of(&row[COL_SERIAL_NUMBER]));
	if (d.id == NULL || inventory_authenticate(r->a, octets_of(&row[COL_AUTHENTICATE]), &d, &why) != RC_OK) {
		inventory_skip(r->a, r->v, &why);
		return RC_OK;
	}
	if (row[COL_TOPIC].type == DB_TEXT)
		d.topic = inventory_text(r->a, octets_of(&row[COL_TOPIC]));
	d.enrolled = row[COL_ENABLED].i != 0;
	d.can_be_pushed = row[COL_CAN_BE_PUSHED].i != 0;
	d.has_unlock_token = row[COL_UNLOCK_TOKEN].i != 0;
	d.has_bootstrap_token = row[COL_BOOTSTRAP_TOKEN].i != 0;
	d.seen_at = row[COL_LAST_SEEN].i;
	d.user_channels = (int)row[COL_USERS].i;
	take_sum(r->a, row[COL_SUM].text, &d);
	take_identity(r->a, octets_of(&row[COL_IDENTITY]), &d);
	if ((rc = inventory_add(r->a, r->v, &to, r->e)) == RC_OK)
		*to = d;
	return rc;
}

static enum rc
take_push_row(void *arg, const struct db_value *row, int n)
{
	struct reading *r = arg;
	struct err why = { 0 };

	if (n == 2 && inventory_add_push(r->a, r->v, octets_of(&row[0]), row[1].i != 0, &why) != RC_OK)
		inventory_skip(r->a, r->v, &why);
	return RC_OK;
}

static enum rc
read_database(struct reading *r, const char *dsn)
{
	struct store_view *view = NULL;
	enum rc rc;

	if ((rc = store_view_open(dsn, &view, r->e)) != RC_OK)
		return rc;
	if ((rc = store_view_query(view, devices_sql, take_row, r, r->e)) == RC_OK)
		rc = store_view_query(view, push_sql, take_push_row, r, r->e);
	store_view_close(view);
	return rc == RC_INTERNAL ? fail_in(r->e, RC_BAD_INPUT, "it is none of NanoMDM's databases") : rc;
}

enum rc
nanomdm_read(struct arena *a, const char *source, struct inventory *out, struct err *e)
{
	struct reading r = { .a = a, .v = out, .folder = source, .e = e };
	bool is_database = strncasecmp(source, "postgres", 8) == 0 && strstr(source, "://") != NULL;
	enum rc rc;

	*out = (struct inventory){ .server = "NanoMDM" };
	if ((rc = is_database ? read_database(&r, source) : read_folder(&r)) == RC_OK)
		inventory_sort(out);
	return rc;
}
