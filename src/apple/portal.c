#include "apple/portal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/disk.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "fmt/base64.h"

#define FILE_NAME "portal.json"
#define TOKEN_FILE_MAX 65536
#define YEAR (INT64_C(365) * 86400)
#define LINE 64 /* characters of base64 in one */

const char *const portal_maid_policies[] = { "any-device", "managed-devices", "supervised-devices", NULL };
const char *const portal_on_off[] = { "on", "off", NULL };
const char *const portal_types[] = { "org", "edu", NULL };
const char *const portal_kinds[] = { "federated", "manual", "locked", "personal", NULL };
const char *const portal_families[] = { "iPhone", "iPad", "Mac", "RealityDevice", "AppleTV", "Watch", NULL };
const char *const portal_queries[] = { "drop", "keep", NULL };

/* ---- the file ---- */

static enum rc
read_all(struct portal *p, struct err *e)
{
	struct bytes text;
	enum rc rc = disk_read(p->arena, p->dir, FILE_NAME, &text, e);

	if (rc == RC_NOT_FOUND)
		p->root = json_keep(p->arena, json_object());
	else if (rc != RC_OK || (rc = json_parse(p->arena, text, &p->root, e)) != RC_OK)
		return fail_in(e, rc, "%s/" FILE_NAME, p->dir);
	portal_organization(p, PORTAL_LABORATORY, true);
	return RC_OK;
}

static void
let_go(void *p)
{
	int *lock = p;

	if (*lock >= 0)
		close(*lock);
	*lock = -1;
}

enum rc
portal_begin(struct arena *a, const char *dir, struct portal *out, struct err *e)
{
	const char *path = arena_printf(a, "%s/portal.lock", dir);
	enum rc rc;

	*out = (struct portal){ .arena = a, .dir = dir, .lock = arena_alloc(a, sizeof *out->lock) };
	*out->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*out->lock < 0)
		return fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	arena_defer(a, let_go, out->lock); /* the arena may meet its ceiling in between */
	while (flock(*out->lock, LOCK_EX) != 0) {
		if (errno != EINTR) {
			(void)fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
			portal_end(out);
			return RC_UNAVAILABLE;
		}
	}
	if ((rc = read_all(out, e)) != RC_OK)
		portal_end(out);
	return rc;
}

void
portal_end(struct portal *p)
{
	let_go(p->lock);
}

enum rc
portal_commit(struct portal *p, struct err *e)
{
	enum rc rc = disk_write(p->dir, FILE_NAME, json_text(p->arena, p->root, 1), e);

	portal_end(p);
	return rc;
}

/* ---- organizations ---- */

json_t *
portal_part(json_t *object, const char *key)
{
	if (!json_is_object(json_object_get(object, key)))
		json_object_set_new(object, key, json_object());
	return json_object_get(object, key);
}

const char *
portal_word(const json_t *object, const char *key, const char *const *words)
{
	const char *word = json_get_text(object, key);

	return word != NULL ? word : words[0];
}

json_t *
portal_organization(struct portal *p, const char *name, bool make)
{
	json_t *all = portal_part(p->root, "organizations"), *o = json_object_get(all, name);
	uint8_t hash[16];

	if (o != NULL || !make)
		return o;
	crypto_random(hash, sizeof hash);
	o = json_pack("{s:s,s:s}", "org_id", crypto_id(p->arena), "org_id_hash",
	    hex_encode(p->arena, bytes_of(hash, sizeof hash)));
	json_object_set_new(all, name, o);
	return o;
}

json_t *
portal_organization_of(struct portal *p, const char *domain, const char **name)
{
	json_t *o;

	json_object_foreach(portal_part(p->root, "organizations"), *name, o)
	{
		if (json_is_true(json_object_get(portal_part(o, "domains"), domain)))
			return o;
	}
	return NULL;
}

json_t *
portal_account(json_t *organization, const char *identifier)
{
	const char *address;
	json_t *account;

	json_object_foreach(portal_part(organization, "accounts"), address, account)
	{
		if (strcasecmp(address, identifier) == 0)
			return account;
	}
	return NULL;
}

/* ---- servers ---- */

json_t *
portal_server(struct portal *p, const char *uuid)
{
	return json_object_get(portal_part(p->root, "servers"), uuid);
}

json_t *
portal_server_by(struct portal *p, const char *member, const char *value, const char **uuid)
{
	json_t *server;

	json_object_foreach(portal_part(p->root, "servers"), *uuid, server)
	{
		const char *has = json_get_text(server, member);

		if (has != NULL && strcmp(has, value) == 0)
			return server;
	}
	return NULL;
}

enum rc
portal_server_add(struct portal *p, const char *organization, const char *name, struct bytes certificate, int64_t now,
    const char **uuid, struct err *e)
{
	const char *other;

	if (portal_organization(p, organization, false) == NULL)
		return fail(e, RC_NOT_FOUND, "there is no organization %s", organization);
	if (portal_server_by(p, "name", name, &other) != NULL)
		return fail(e, RC_CONFLICT, "there is a server %s already", name);
	*uuid = crypto_uuid(p->arena);
	json_object_set_new(portal_part(p->root, "servers"), *uuid,
	    json_pack("{s:s,s:s,s:s,s:s}", "name", name, "organization", organization, "certificate",
		base64_encode(p->arena, certificate), "created", clock_rfc3339(p->arena, now)));
	return RC_OK;
}

void
portal_server_certify(struct portal *p, const char *uuid, struct bytes certificate)
{
	json_object_set_new(portal_server(p, uuid), "certificate", json_string(base64_encode(p->arena, certificate)));
}

/* Lines of base64, as mail has them. */
static void
put_lines(struct arena *a, struct buf *b, struct bytes der)
{
	const char *text = base64_encode(a, der);

	for (size_t n = strlen(text); n > 0; n = strlen(text)) {
		buf_printf(b, "%.*s\n", LINE, text);
		text += n < LINE ? n : LINE;
	}
}

/* Apple's own cipher for it is not told anywhere; this is what openssl smime and mail programs default to. */
#define TOKEN_CIPHER "DES-EDE3-CBC"

enum rc
portal_server_token(struct portal *p, const char *uuid, int64_t now, struct bytes *file, struct err *e)
{
	static const char *const secrets[][2] = { { "consumer_key", "CK_" }, { "consumer_secret", "CS_" },
		{ "access_token", "AT_" }, { "access_secret", "AS_" } };
	struct arena *a = p->arena;
	json_t *server = portal_server(p, uuid), *token = json_keep(a, json_object());
	struct bytes certificate = base64_decode(a, bytes_str(json_get_text(server, "certificate")), false), der;
	const char *message;
	struct buf b;
	enum rc rc;

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		json_object_set_new(
		    token, secrets[i][0], json_string(arena_printf(a, "%s%s", secrets[i][1], crypto_token(a))));
	json_object_set_new(token, "access_token_expiry", json_string(clock_rfc3339(a, now + YEAR)));
	message = arena_printf(a,
	    "Content-Type: text/plain;charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
	    "-----BEGIN MESSAGE-----\r\n%s\r\n-----END MESSAGE-----\r\n",
	    (const char *)json_text(a, token, 0).p);
	if ((rc = cms_envelope(a, bytes_str(message), certificate, TOKEN_CIPHER, &der, e)) != RC_OK)
		return rc;
	json_object_update(server, token);
	json_object_set_new(server, "expires", json_integer(now + YEAR));
	buf_init(&b, TOKEN_FILE_MAX);
	buf_str(&b, "Content-Type: application/pkcs7-mime; name=\"smime.p7m\"; smime-type=enveloped-data\n"
		    "Content-Transfer-Encoding: base64\n"
		    "Content-Disposition: attachment; filename=\"smime.p7m\"\n"
		    "Content-Description: S/MIME Encrypted Message\n\n");
	put_lines(a, &b, der);
	buf_char(&b, '\n');
	*file = bytes_str(buf_finish(&b, a));
	return RC_OK;
}
