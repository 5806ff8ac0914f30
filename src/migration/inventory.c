#include "migration/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/x509.h"
#include "fmt/plist.h"
#include "fmt/utf8.h"

#define TEXT_MAX 255
#define PUSH_MAX 100

/* ---- devices ---- */

enum rc
inventory_add(struct arena *a, struct inventory *v, struct inventory_device **out, struct err *e)
{
	if (v->n >= INVENTORY_DEVICES_MAX)
		return fail(e, RC_TOO_LARGE, "there are over %d devices", INVENTORY_DEVICES_MAX);
	if (v->n == v->size) {
		int size = v->size > 0 ? 2 * v->size : 64;
		struct inventory_device *larger = arena_array(a, (size_t)size, sizeof *larger);

		if (v->n > 0)
			memcpy(larger, v->devices, (size_t)v->n * sizeof *larger);
		v->devices = larger;
		v->size = size;
	}
	*out = &v->devices[v->n++];
	return RC_OK;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct inventory_device *)a)->id, ((const struct inventory_device *)b)->id);
}

void
inventory_sort(struct inventory *v)
{
	if (v->n > 0)
		qsort(v->devices, (size_t)v->n, sizeof *v->devices, by_id);
}

struct inventory_device *
inventory_find(const struct inventory *v, const char *id)
{
	const struct inventory_device key = { .id = id };

	return v->n > 0 ? bsearch(&key, v->devices, (size_t)v->n, sizeof *v->devices, by_id) : NULL;
}

void
inventory_skip(struct arena *a, struct inventory *v, const struct err *why)
{
	if (v->unreadable++ == 0)
		v->unreadable_why = arena_strdup(a, why->text);
}

/* ---- what stores hold ---- */

const char *
inventory_text(struct arena *a, struct bytes text)
{
	if (text.p == NULL || text.n == 0 || text.n > TEXT_MAX || !utf8_valid(text))
		return NULL;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return NULL;
	}
	return arena_strndup(a, (const char *)text.p, text.n);
}

static const char *
text_of(struct arena *a, plist_t message, const char *key)
{
	return inventory_text(a, bytes_str(plist_text(a, message, key)));
}

/* The message of that type, whose device is d's. */
static enum rc
read_message(
    struct arena *a, struct bytes body, const char *type, const struct inventory_device *d, plist_t *out, struct err *e)
{
	const char *said, *id;

	if (plist_parse(a, body, out, e) != RC_OK)
		return fail_in(e, RC_BAD_INPUT, "%s of %s", type, d->id);
	said = plist_text(a, *out, "MessageType");
	if (said == NULL || strcmp(said, type) != 0)
		return fail(e, RC_BAD_INPUT, "%s of %s is another message", type, d->id);
	id = plist_text(a, *out, plist_has(*out, "UDID") ? "UDID" : "EnrollmentID");
	if (id == NULL || strcmp(id, d->id) != 0)
		return fail(e, RC_BAD_INPUT, "%s of %s is another device's", type, d->id);
	return RC_OK;
}

enum rc
inventory_authenticate(struct arena *a, struct bytes message, struct inventory_device *d, struct err *e)
{
	plist_t m = NULL;
	enum rc rc = read_message(a, message, "Authenticate", d, &m, e);

	if (rc != RC_OK)
		return rc;
	d->authenticated = true;
	d->user_enrollment = !plist_has(m, "UDID");
	d->product = text_of(a, m, "ProductName");
	d->os_version = text_of(a, m, "OSVersion");
	d->build_version = text_of(a, m, "BuildVersion");
	if (d->topic == NULL)
		d->topic = text_of(a, m, "Topic");
	/* A person's own device does not say it; what a store has of it all the same is not carried on. */
	d->serial_number = d->user_enrollment         ? NULL
			   : d->serial_number != NULL ? d->serial_number
						      : text_of(a, m, "SerialNumber");
	return RC_OK;
}

enum rc
inventory_token_update(struct arena *a, struct bytes message, struct inventory_device *d, struct err *e)
{
	plist_t m = NULL;
	enum rc rc = read_message(a, message, "TokenUpdate", d, &m, e);

	if (rc != RC_OK)
		return rc;
	d->topic = text_of(a, m, "Topic");
	d->can_be_pushed = plist_data(a, m, "Token").n > 0 && plist_has(m, "PushMagic");
	return RC_OK;
}

/* ---- push certificates ---- */

enum rc
inventory_add_push(struct arena *a, struct inventory *v, struct bytes pem, bool has_key, struct err *e)
{
	struct bytes *certificates = NULL;
	struct x509_info info;
	int n = 0;
	enum rc rc;

	if ((rc = x509_from_pem(a, pem, &certificates, &n, e)) != RC_OK)
		return fail_in(e, rc, "push certificate");
	if (n == 0 || x509_parse(a, certificates[0], &info, e) != RC_OK || info.uid == NULL)
		return fail(e, RC_BAD_INPUT, "push certificate: it has no topic (UID)");
	if (v->n_push == PUSH_MAX)
		return fail(e, RC_TOO_LARGE, "there are over %d push certificates", PUSH_MAX);
	if (v->push == NULL)
		v->push = arena_array(a, PUSH_MAX, sizeof *v->push);
	v->push[v->n_push++] = (struct inventory_push){ info.uid, info.not_after, has_key };
	return RC_OK;
}
