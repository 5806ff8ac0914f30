#include "migration/bolt.h"

#include <stdbool.h>
#include <string.h>

#define MAGIC 0xED0CDAEDu
#define FORMAT 2
#define PAGE_MIN 1024u
#define PAGE_MAX (16u << 20)

#define PAGE_HEADER 16u /* id 8, flags 2, count 2, overflow 4 */
#define META_SUMMED 56u /* of a meta page's content, before its sum */
#define BUCKET_HEADER 16u /* root 8, sequence 8 */
#define ELEMENT 16u /* of a leaf: flags, pos, ksize, vsize; of a branch: pos, ksize, pgid */

#define PAGE_BRANCH 1u
#define PAGE_LEAF 2u
#define PAGE_META 4u
#define LEAF_BUCKET 1u

#define DEPTH_MAX 16 /* of a tree; with two children for each page that is 65,536 leaves at the least */

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static uint64_t
get64(const uint8_t *p)
{
	return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* ---- the meta pages ---- */

static uint64_t
fnv1a(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* The meta page that begins at `at`; *transaction is its number. */
static bool
read_meta(struct bytes file, uint64_t at, struct bolt *out, uint64_t *transaction)
{
	const uint8_t *m;
	uint32_t size;

	if (at + PAGE_HEADER + META_SUMMED + 8 > file.n)
		return false;
	m = file.p + at + PAGE_HEADER;
	size = get32(m + 8);
	if ((get16(file.p + at + 8) & PAGE_META) == 0 || get32(m) != MAGIC || get32(m + 4) != FORMAT ||
	    size < PAGE_MIN || size > PAGE_MAX || (size & (size - 1)) != 0 ||
	    get64(m + META_SUMMED) != fnv1a(m, META_SUMMED))
		return false;
	*out = (struct bolt){ file, size, get64(m + 16) };
	*transaction = get64(m + 48);
	return true;
}

enum rc
bolt_open(struct bytes file, struct bolt *out, struct err *e)
{
	uint64_t newest = 0, transaction;
	bool found = read_meta(file, 0, out, &newest);
	struct bolt other;

	/* Where the second one is says the size of a page, which the first would have said. */
	for (uint64_t at = PAGE_MIN; at <= PAGE_MAX; at *= 2) {
		if ((found && at != out->page_size) || !read_meta(file, at, &other, &transaction) ||
		    other.page_size != at || (found && transaction <= newest))
			continue;
		*out = other;
		newest = transaction;
		found = true;
	}
	return found ? RC_OK
		     : fail(e, RC_BAD_INPUT, "no BoltDB file of format %d, or both of its meta pages are damaged",
			   FORMAT);
}

/* ---- trees ---- */

typedef enum rc pair_fn(void *arg, uint32_t flags, struct bytes key, struct bytes value);

struct walk {
	const struct bolt *b;
	pair_fn *fn;
	void *arg;
	uint64_t left; /* pages that may still be met: a tree has each once */
	struct err *e;
};

static enum rc
damaged(const struct walk *w, const char *what)
{
	return fail(w->e, RC_BAD_INPUT, "the BoltDB file is damaged: %s", what);
}

/* `n` octets from `at` on of a page; absent: they are not within it. */
static struct bytes
part_of(struct bytes page, uint64_t at, uint64_t n)
{
	return at <= page.n && n <= page.n - at ? bytes_of(page.p + at, (size_t)n) : bytes_of(NULL, 0);
}

static enum rc walk_page(struct walk *w, uint64_t id, int depth);

static enum rc
walk_content(struct walk *w, struct bytes page, int depth)
{
	uint32_t flags = get16(page.p + 8), count = get16(page.p + 10);
	enum rc rc = RC_OK;

	if (flags != PAGE_LEAF && flags != PAGE_BRANCH)
		return damaged(w, "a page of a tree is neither branch nor leaf");
	if (part_of(page, PAGE_HEADER, (uint64_t)count * ELEMENT).p == NULL)
		return damaged(w, "a page has more elements than room");
	for (uint32_t i = 0; rc == RC_OK && i < count; i++) {
		uint64_t at = PAGE_HEADER + (uint64_t)i * ELEMENT;
		const uint8_t *element = page.p + at;
		struct bytes key, value;

		if (flags == PAGE_BRANCH) {
			rc = walk_page(w, get64(element + 8), depth + 1);
			continue;
		}
		key = part_of(page, at + get32(element + 4), get32(element + 8));
		value = part_of(page, at + get32(element + 4) + (uint64_t)get32(element + 8), get32(element + 12));
		if (key.p == NULL || value.p == NULL)
			return damaged(w, "an element lies outside of its page");
		rc = w->fn(w->arg, get32(element), key, value);
	}
	return rc;
}

static enum rc
walk_page(struct walk *w, uint64_t id, int depth)
{
	uint64_t pages = w->b->file.n / w->b->page_size, more;
	const uint8_t *p;

	if (depth > DEPTH_MAX || w->left == 0)
		return damaged(w, "its pages go in a circle");
	w->left--;
	if (id < 2 || id >= pages)
		return damaged(w, "a page lies outside of the file");
	p = w->b->file.p + id * w->b->page_size;
	more = get32(p + 12);
	if (get64(p) != id || more >= pages - id)
		return damaged(w, "a page is not the one that it was taken for");
	return walk_content(w, bytes_of(p, (size_t)((more + 1) * w->b->page_size)), depth);
}

/* ---- buckets ---- */

struct lookup {
	const char *name;
	struct bytes found; /* its value: where its tree is, or the tree itself */
};

static enum rc
find_bucket(void *arg, uint32_t flags, struct bytes key, struct bytes value)
{
	struct lookup *l = arg;

	if ((flags & LEAF_BUCKET) != 0 && bytes_eq(key, bytes_str(l->name)))
		l->found = value;
	return RC_OK;
}

struct pairs {
	bolt_fn *fn;
	void *arg;
};

static enum rc
hand_on(void *arg, uint32_t flags, struct bytes key, struct bytes value)
{
	const struct pairs *p = arg;

	return (flags & LEAF_BUCKET) == 0 ? p->fn(p->arg, key, value) : RC_OK;
}

enum rc
bolt_each(const struct bolt *b, const char *bucket, bolt_fn *fn, void *arg, struct err *e)
{
	struct lookup l = { .name = bucket };
	struct pairs p = { fn, arg };
	uint64_t pages = b->file.n / b->page_size;
	struct walk w = { b, find_bucket, &l, pages, e };
	struct bytes within;
	enum rc rc;

	if ((rc = walk_page(&w, b->root, 0)) != RC_OK)
		return rc;
	if (l.found.p == NULL)
		return fail(e, RC_NOT_FOUND, "there is no bucket %s", bucket);
	w = (struct walk){ b, hand_on, &p, pages, e };
	if (l.found.n < BUCKET_HEADER)
		return damaged(&w, "a bucket has no header");
	if (get64(l.found.p) != 0)
		return walk_page(&w, get64(l.found.p), 0);
	/* A small bucket's only page is in its value. */
	within = bytes_of(l.found.p + BUCKET_HEADER, l.found.n - BUCKET_HEADER);
	return within.n < PAGE_HEADER ? damaged(&w, "a bucket has no page") : walk_content(&w, within, 0);
}
