#include "backup/archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/row.h"
#include "store/testing.h"

#define BIG 300000 /* octets: several chunks */

static const char passphrase[] = "correct horse battery";

static enum rc
make(const char *file, struct err *e)
{
	struct archive_writer *w = NULL;
	uint64_t size = 0;
	char *big = calloc(1, BIG);
	enum rc rc;

	memset(big, 'x', BIG);
	if ((rc = archive_create(file, passphrase, &w, e)) == RC_OK &&
	    (rc = archive_put(w, ARCHIVE_MANIFEST, bytes_str("secret manifest"), e)) == RC_OK &&
	    (rc = archive_put(w, ARCHIVE_OCTETS, bytes_of(big, BIG), e)) == RC_OK &&
	    (rc = archive_put(w, ARCHIVE_OCTETS, bytes_of("", 0), e)) == RC_OK &&
	    (rc = archive_put(w, ARCHIVE_END, bytes_str("{}"), e)) == RC_OK)
		rc = archive_keep(w, &size, e);
	else
		archive_discard(w);
	free(big);
	return rc;
}

/* How many parts are read before the end or a failure. */
static int
parts(const char *file, enum rc *rc, struct err *e)
{
	enum archive_kind kind = ARCHIVE_MANIFEST;
	struct archive_reader *r = NULL;
	struct bytes content;
	int n = 0;

	*rc = archive_open(file, passphrase, &r, e);
	while (*rc == RC_OK && kind != ARCHIVE_END) {
		if ((*rc = archive_next(r, &kind, &content, e)) == RC_OK)
			n++;
		if (*rc == RC_OK && kind == ARCHIVE_OCTETS && content.n == BIG && content.p[BIG - 1] != 'x')
			*rc = RC_INTERNAL;
	}
	archive_close(r);
	return n;
}

static size_t
load(const char *file, uint8_t *p, size_t room)
{
	FILE *f = fopen(file, "re");
	size_t n = fread(p, 1, room, f);

	fclose(f);
	return n;
}

static void
save(const char *file, const uint8_t *p, size_t n)
{
	FILE *f = fopen(file, "we");

	fwrite(p, 1, n, f);
	fclose(f);
}

static void
test_damage(const char *dir, const char *good)
{
	static uint8_t octets[BIG + 10000];
	size_t n = load(good, octets, sizeof octets);
	char bad[160];
	struct err e = { 0 };
	enum rc rc;
	int whole = 0;

	snprintf(bad, sizeof bad, "%s/bad", dir);
	for (int i = 0; i <= 4; i++) { /* each head costs argon2id */
		size_t cut = i == 4 ? n - 1 : n * (size_t)i / 4;

		save(bad, octets, cut);
		(void)parts(bad, &rc, &e);
		whole += rc == RC_OK;
	}
	ok(whole == 0, "a file that was cut anywhere is never taken for whole");
	for (int i = 1; i <= 4; i++) {
		size_t at = n * (size_t)i / 4 - 1;

		octets[at] ^= 1;
		save(bad, octets, n);
		octets[at] ^= 1;
		(void)parts(bad, &rc, &e);
		whole += rc == RC_OK;
	}
	ok(whole == 0, "nor is one with a changed bit");
	octets[n] = 0;
	save(bad, octets, n + 1);
	ok(parts(bad, &rc, &e) < 4 && rc == RC_BAD_INPUT, "nor one with something behind its end");
	ok(memmem(octets, n, "manifest", 8) == NULL && memmem(octets, n, "xxxx", 4) == NULL,
	    "nothing of it can be read");
}

static void
test_rows(void)
{
	const struct db_value row[] = { db_int(-5), db_text("Zoë"), db_blob(bytes_of("\0\1", 2)), db_null(),
		db_blob(bytes_of("", 0)), db_text("") };
	struct db_value back[6];
	struct row_sum one = { 0 }, other = { 0 };
	struct bytes rest, first, second;
	struct buf b;
	bool same = true, cut = true;

	buf_init(&b, 1000);
	row_put(&b, row, 6);
	first = bytes_of(b.p, b.n);
	rest = buf_bytes(&b);
	ok(row_take(&rest, back, 6, NULL) == RC_OK && rest.n == 0, "a row's octets are read back");
	for (int i = 0; i < 6; i++)
		same = same && back[i].type == row[i].type && back[i].i == row[i].i &&
		       (row[i].type != DB_TEXT || strcmp(back[i].text, row[i].text) == 0) &&
		       (row[i].type != DB_BLOB || bytes_eq(back[i].blob, row[i].blob));
	ok(same, "as they were");
	for (size_t n = 0; n < first.n; n++) {
		rest = bytes_of(b.p, n);
		cut = cut && row_take(&rest, back, 6, NULL) == RC_BAD_INPUT;
	}
	ok(cut, "a row that is cut is refused wherever");
	second = bytes_of(b.p, b.n - 1);
	row_add(&one, first);
	row_add(&one, second);
	row_add(&other, second);
	row_add(&other, first);
	ok(memcmp(&one, &other, sizeof one) == 0, "the sum of rows doesn't depend on their order");
	row_add(&other, first);
	row_add(&one, second);
	ok(memcmp(&one, &other, sizeof one) != 0, "but on what they are, and how often");
	buf_free(&b);
}

int
main(void)
{
	char dir[64], file[160];
	struct archive_reader *r = NULL;
	struct stat st;
	struct err e = { 0 };
	enum rc rc;

	testing_dir(dir);
	snprintf(file, sizeof file, "%s/file", dir);
	ok(make(file, &e) == RC_OK, "an archive is written: %s", e.text);
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner alone");
	ok(parts(file, &rc, &e) == 4 && rc == RC_OK, "and read back: %s", e.text);
	ok(archive_open(file, "another passphrase", &r, &e) == RC_FORBIDDEN, "not with another passphrase");
	ok(make(file, &e) == RC_OK && parts(file, &rc, &e) == 4, "a newer one takes its place");
	test_damage(dir, file);
	save(file, (const uint8_t *)"a letter to somebody", 20);
	ok(make(file, &e) == RC_CONFLICT && stat(file, &st) == 0 && st.st_size == 20, "no other file is written over");
	test_rows();
	testing_rmtree(dir);
	return done();
}
