/* Names that ascend, secrets that a seed does not give away, samples without repetition. */
#include "fleet/id.h"

#include <stdlib.h>

#include "base/tap.h"
#include "fmt/base64.h"

#define TAG UINT32_C(0x1B4F0E98)

static void
names(void)
{
	char a[FLEET_UUID], b[FLEET_UUID], row[FLEET_ROW_ID], next[FLEET_ROW_ID], other[FLEET_ROW_ID];
	uint64_t n = 0;

	fleet_uuid(a, TAG, FLEET_UUID_DEVICE, 41);
	fleet_uuid(b, TAG, FLEET_UUID_DEVICE, 42);
	is_str(b, "1B4F0E98-0002-4000-8000-00000000002A", "an EnrollmentID has the form of a UUID, version 4");
	ok(strcmp(a, b) < 0, "and ascends with the number");
	ok(fleet_uuid_read(b, TAG, FLEET_UUID_DEVICE, &n) && n == 42, "the number can be read back");
	ok(!fleet_uuid_read(b, TAG + 1, FLEET_UUID_DEVICE, &n), "not by another fleet");
	ok(!fleet_uuid_read(b, TAG, FLEET_UUID_ROW, &n), "not as another kind");
	ok(!fleet_uuid_read("1B4F0E98-0002-4000-8000-00000000002a", TAG, FLEET_UUID_DEVICE, &n),
	    "not in another spelling");
	fleet_command_uuid(a, TAG, 7, 999);
	fleet_command_uuid(b, TAG, 8, 0);
	ok(strcmp(a, b) < 0 && fleet_uuid_read(a, TAG, FLEET_UUID_COMMAND, &n) && n == 7, "a command names its device");
	fleet_row_id(row, TAG, FLEET_ROW_GRANT, 31);
	fleet_row_id(next, TAG, FLEET_ROW_GRANT, 32);
	fleet_row_id(other, TAG, FLEET_ROW_ATTEMPT, 31);
	ok(strlen(row) == 16 && strspn(row, "abcdefghijklmnopqrstuvwxyz234567") == 16,
	    "a row's id looks like the server's");
	ok(strcmp(row, next) < 0 && strcmp(row, other) != 0, "ascends, and differs by kind");
	ok(fleet_tag("a") != fleet_tag("b"), "two seeds, two tags");
}

static void
secrets(void)
{
	uint8_t one[FLEET_SECRET] = { 1 }, two[FLEET_SECRET] = { 2 };
	char a[FLEET_TOKEN], b[FLEET_TOKEN];

	fleet_token(a, one, FLEET_ACCESS, 5);
	ok(strlen(a) == 43, "a token has 43 characters");
	fleet_token(b, one, FLEET_ACCESS, 5);
	is_str(b, a, "the same each time");
	fleet_token(b, two, FLEET_ACCESS, 5);
	ok(strcmp(a, b) != 0, "another with another secret");
	fleet_token(b, one, FLEET_ACCESS, 6);
	ok(strcmp(a, b) != 0, "another for another device");
	fleet_token(b, one, FLEET_FAMILY, 5);
	ok(strcmp(a, b) != 0, "another of another kind");
}

static void
magics(void)
{
	char text[FLEET_MAGIC];

	fleet_push_magic(text, TAG, 42, 3);
	ok(fleet_push_version(text, TAG, 42) == 3, "the version of a PushMagic can be read back");
	ok(fleet_push_version(text, TAG, 43) == -1 && fleet_push_version("magic", TAG, 42) == -1,
	    "of another device's it can't");
}

static void
base64(void)
{
	struct arena *a = arena_new(0);
	uint8_t octets[64];
	char text[128];
	int bad = 0;

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof octets; n++) {
		const char *right = base64_encode(a, bytes_of(octets, n));
		size_t size = fleet_base64(text, bytes_of(octets, n));

		bad += size != strlen(right) || memcmp(text, right, size) != 0 || size != fleet_base64_size(n);
	}
	ok(bad == 0, "base64 of every length is that of fmt (RFC 4648 4)");
	arena_free(a);
}

static void
samples(uint64_t total, uint64_t count, uint64_t seed)
{
	struct fleet_sample s = fleet_sample_new(total, count, seed);
	uint8_t *seen = calloc(total, 1);
	uint64_t twice = 0, quarter[4] = { 0 };

	if (seen == NULL)
		abort();
	for (uint64_t i = 0; i < s.count; i++) {
		uint64_t n = fleet_sample_at(&s, i);

		if (n >= total || seen[n]++ > 0)
			twice++;
		else
			quarter[n * 4 / total]++;
	}
	ok(twice == 0, "%llu of %llu: none comes twice", (unsigned long long)count, (unsigned long long)total);
	for (int q = 0; q < 4 && total >= 1000; q++)
		ok(quarter[q] >= s.count / 4 - s.count / 50 - 2 && quarter[q] <= s.count / 4 + s.count / 50 + 2,
		    "quarter %d has its share", q + 1);
	free(seen);
}

int
main(void)
{
	names();
	secrets();
	magics();
	base64();
	samples(1, 1, 1);
	samples(2, 2, 7);
	samples(97, 97, 3);
	samples(1000, 1000, 1);
	samples(100000, 2000, 1);
	samples(100000, 2000, 95);
	return done();
}
