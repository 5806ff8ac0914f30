#include "account/service.h"

#include <string.h>

#include "crypto/hash.h"
#include "store/store.h"

#define NAME_MAX_OCTETS 100
#define COLUMNS "id, organization_id, name, purpose, created_by, created_at"

static const char *const purposes[] = { "introspection", "scim" };

static void
read_row(struct service *s, const struct db_rows *r, int row)
{
	*s = (struct service){
		.id = db_get_text(r, row, 0),
		.organization_id = db_get_text(r, row, 1),
		.name = db_get_text(r, row, 2),
		.purpose = db_get_text(r, row, 3),
		.created_by = db_get_text(r, row, 4),
		.created_at = db_get_int(r, row, 5),
	};
}

static enum rc
check(struct call *c, const struct service *s)
{
	size_t n = strlen(s->name);

	if (n == 0 || n > NAME_MAX_OCTETS || strpbrk(s->name, "\r\n") != NULL)
		return fail(&c->err, RC_BAD_INPUT, "a service's name is one line of 1 to %d octets", NAME_MAX_OCTETS);
	for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
		if (strcmp(purposes[i], s->purpose) == 0)
			return RC_OK;
	}
	return fail(&c->err, RC_BAD_INPUT, "a service is for introspection or scim");
}

struct add {
	const struct service *s;
	struct bytes hash;
};

static enum rc
add(struct call *c, void *arg)
{
	const struct add *in = arg;
	const struct service *s = in->s;
	struct db_rows r;
	enum rc rc;

	rc = store_run(
	    c, "SELECT count(*) FROM service WHERE organization_id = ?1", DB_ARGS(db_text(s->organization_id)), &r);
	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= SERVICES_MAX)
		return fail(&c->err, RC_TOO_LARGE, "an organization has %d services at most", SERVICES_MAX);
	return store_run(c, "INSERT INTO service (" COLUMNS ", hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	    DB_ARGS(db_text(s->id), db_text(s->organization_id), db_text(s->name), db_text(s->purpose),
		db_text(s->created_by), db_int(s->created_at), db_blob(in->hash)),
	    NULL);
}

enum rc
service_add(struct call *c, struct service *s, const char **secret)
{
	struct add in = { .s = s };
	enum rc rc = check(c, s);

	if (rc != RC_OK)
		return rc;
	s->id = crypto_id(c->arena);
	s->created_at = c->now;
	*secret = crypto_token(c->arena);
	in.hash = crypto_sha256_text(c->arena, *secret);
	return store_part(c, add, &in);
}

enum rc
service_find(struct call *c, const char *secret, const char *purpose, struct service *out)
{
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;

	if (strlen(secret) <= SERVICE_SECRET_MAX)
		rc = store_run(c, "SELECT " COLUMNS " FROM service WHERE hash = ?1 AND purpose = ?2",
		    DB_ARGS(db_blob(crypto_sha256_text(c->arena, secret)), db_text(purpose)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "no service for %s has that credential", purpose);
	read_row(out, &r, 0);
	return RC_OK;
}

enum rc
service_list(struct call *c, const char *organization_id, struct service **out, int *n)
{
	struct db_rows r;
	enum rc rc;

	*n = 0;
	rc = store_run(c, "SELECT " COLUMNS " FROM service WHERE ?1 = '' OR organization_id = ?1 ORDER BY name, id",
	    DB_ARGS(db_text(organization_id != NULL ? organization_id : "")), &r);
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		read_row(&(*out)[*n], &r, *n);
	return RC_OK;
}

enum rc
service_remove(struct call *c, const char *id)
{
	struct db_rows r;
	enum rc rc = store_run(c, "DELETE FROM service WHERE id = ?1", DB_ARGS(db_text(id)), &r);

	if (rc == RC_OK && r.changed == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no service %.60s (postern service list)", id);
	return rc;
}
