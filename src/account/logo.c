#include "account/logo.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "store/store.h"

static unsigned
big16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* The header chunk is the first one (PNG 3rd edition, 11.2.1). */
static bool
png_sides(struct bytes b, unsigned *width, unsigned *height)
{
	static const uint8_t head[16] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D',
		'R' };

	if (b.n < 33 || memcmp(b.p, head, sizeof head) != 0 || big16(b.p + 16) != 0 || big16(b.p + 20) != 0)
		return false;
	*width = big16(b.p + 18);
	*height = big16(b.p + 22);
	return true;
}

/* Segments up to the first frame header (ITU T.81, B.1.1.3 and B.2.2). */
static bool
jpeg_sides(struct bytes b, unsigned *width, unsigned *height)
{
	size_t at = 2;

	if (b.n < 4 || b.p[0] != 0xff || b.p[1] != 0xd8)
		return false;
	while (at + 9 <= b.n && b.p[at] == 0xff) {
		uint8_t marker = b.p[at + 1];

		/* SOF0 to SOF15 without DHT, JPG and DAC, which lie among them. */
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
			*height = big16(b.p + at + 5);
			*width = big16(b.p + at + 7);
			return true;
		}
		at += 2 + big16(b.p + at + 2);
	}
	return false;
}

enum rc
logo_read(struct arena *a, struct bytes content, struct logo *out, struct err *err)
{
	unsigned width = 0, height = 0;

	if (content.n > LOGO_MAX)
		return fail(err, RC_TOO_LARGE, "a logo has at most %d octets; this one has %zu", LOGO_MAX, content.n);
	*out = (struct logo){ .content = content };
	if (png_sides(content, &width, &height))
		out->type = "image/png";
	else if (jpeg_sides(content, &width, &height))
		out->type = "image/jpeg";
	else
		return fail(err, RC_BAD_INPUT, "a logo is a PNG or a JPEG image");
	if (width < LOGO_SIDE_MIN || height < LOGO_SIDE_MIN || width > LOGO_SIDE_MAX || height > LOGO_SIDE_MAX)
		return fail(err, RC_BAD_INPUT, "a logo's sides have %d to %d pixels; this one has %u x %u",
		    LOGO_SIDE_MIN, LOGO_SIDE_MAX, width, height);
	out->digest = arena_strndup(a, hex_encode(a, crypto_sha256(a, content)), 16);
	return RC_OK;
}

enum rc
logo_set(struct call *c, const char *organization_id, struct bytes content, struct logo *out)
{
	static const char sql[] =
	    "INSERT INTO organization_logo (organization_id, digest, type, content) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (organization_id) DO UPDATE SET digest = excluded.digest, type = excluded.type,"
	    "  content = excluded.content";
	enum rc rc = logo_read(c->arena, content, out, &c->err);

	if (rc != RC_OK)
		return rc;
	return store_run(c, sql,
	    DB_ARGS(db_text(organization_id), db_text(out->digest), db_text(out->type), db_blob(content)), NULL);
}

enum rc
logo_clear(struct call *c, const char *organization_id)
{
	return store_run(
	    c, "DELETE FROM organization_logo WHERE organization_id = ?1", DB_ARGS(db_text(organization_id)), NULL);
}

enum rc
logo_get(struct call *c, const char *organization_id, const char *digest, struct logo *out)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "SELECT digest, type, content FROM organization_logo WHERE organization_id = ?1 AND digest = ?2",
	    DB_ARGS(db_text(organization_id), db_text(digest)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no such logo");
	*out = (struct logo){ db_get_text(&r, 0, 0), db_get_text(&r, 0, 1), db_get_blob(&r, 0, 2) };
	return RC_OK;
}
