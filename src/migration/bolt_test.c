/* Files of BoltDB made octet by octet; what bbolt itself wrote is read by tests/flow/migration.py. */
#include "migration/bolt.h"

#include <string.h>

#include "base/arena.h"
#include "base/tap.h"

#define PAGE 1024
#define PAGES 6
#define HEADER 16

static uint8_t file[PAGE * PAGES];

static void
put(size_t at, int octets, uint64_t value)
{
	for (int i = 0; i < octets; i++)
		file[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

static void
meta(size_t page, uint64_t transaction, uint64_t root)
{
	size_t at = page * PAGE, m = at + HEADER;
	uint64_t sum = 0xcbf29ce484222325u;

	put(at, 8, page);
	put(at + 8, 2, 4);
	put(m, 4, 0xED0CDAEDu);
	put(m + 4, 4, 2);
	put(m + 8, 4, PAGE);
	put(m + 16, 8, root);
	put(m + 48, 8, transaction);
	for (size_t i = 0; i < 56; i++)
		sum = (sum ^ file[m + i]) * 0x100000001b3u;
	put(m + 56, 8, sum);
}

static void
page(size_t id, int flags, int count)
{
	memset(file + id * PAGE, 0, PAGE);
	put(id * PAGE, 8, id);
	put(id * PAGE + 8, 2, (uint64_t)flags);
	put(id * PAGE + 10, 2, (uint64_t)count);
}

/* Element `i` of a leaf, its key and value from `from` on of the page. */
static void
leaf(size_t id, size_t i, int flags, size_t from, const char *key, const void *value, size_t n)
{
	size_t at = id * PAGE + HEADER + 16 * i, k = strlen(key);

	put(at, 4, (uint64_t)flags);
	put(at + 4, 4, id * PAGE + from - at);
	put(at + 8, 4, k);
	put(at + 12, 4, n);
	memcpy(file + id * PAGE + from, key, k);
	memcpy(file + id * PAGE + from + k, value, n);
}

static void
branch(size_t id, size_t i, uint64_t child)
{
	put(id * PAGE + HEADER + 16 * i + 8, 8, child);
}

/* Bucket "b" has its tree at page 3: a branch to page 4, twice `twice`, which has two pairs. */
static void
make(void)
{
	uint8_t bucket[16] = { 3 };

	memset(file, 0, sizeof file);
	meta(0, 1, 5);
	meta(1, 2, 2);
	page(2, 2, 2);
	leaf(2, 0, 1, 200, "b", bucket, sizeof bucket);
	leaf(2, 1, 0, 300, "no bucket", "x", 1);
	page(3, 1, 1);
	branch(3, 0, 4);
	page(4, 2, 2);
	leaf(4, 0, 0, 100, "one", "1", 1);
	leaf(4, 1, 0, 120, "two", "22", 2);
	page(5, 2, 0);
}

static int pairs;

static enum rc
count(void *arg, struct bytes key, struct bytes value)
{
	(void)arg;
	pairs += key.n == 3 && value.n == (size_t)(pairs + 1) ? 1 : 100;
	return RC_OK;
}

/* -1: the file is refused at once. */
static int
result(const char *bucket)
{
	struct bolt b;
	struct err e;

	pairs = 0;
	return bolt_open(bytes_of(file, sizeof file), &b, &e) == RC_OK ? (int)bolt_each(&b, bucket, count, NULL, &e)
								       : -1;
}

static void
damaged(const char *what)
{
	ok(result("b") == RC_BAD_INPUT, "%s: refused", what);
	make();
}

int
main(void)
{
	make();
	ok(result("b") == RC_OK && pairs == 2, "the pairs of a bucket, by the newer of two meta pages");
	ok(result("c") == RC_NOT_FOUND, "a bucket that is not there is said to be missing");
	ok(result("no bucket") == RC_NOT_FOUND, "a value is no bucket");
	file[PAGE + HEADER + 20] ^= 1;
	ok(result("b") == RC_NOT_FOUND,
	    "a newer meta page whose sum is wrong was not written to its end: the older one counts");
	file[HEADER + 20] ^= 1;
	ok(result("b") == -1, "with both damaged it is refused");
	make();
	branch(3, 0, 3);
	damaged("a tree that leads to itself");
	branch(3, 0, PAGES);
	damaged("a page behind the file's end");
	branch(3, 0, 1);
	damaged("a meta page within a tree");
	put(4 * PAGE, 8, 3);
	damaged("a page with another one's number");
	put(4 * PAGE + 10, 2, 65535);
	damaged("more elements than a page has room for");
	put(4 * PAGE + HEADER + 12, 4, PAGE);
	damaged("a value that ends behind its page");
	put(4 * PAGE + HEADER + 4, 4, UINT32_MAX);
	damaged("a key that lies elsewhere");
	put(4 * PAGE + 12, 4, UINT32_MAX);
	damaged("a page that goes on for ever");
	put(2 * PAGE + HEADER + 12, 4, 8);
	damaged("a bucket without its header");
	return done();
}
