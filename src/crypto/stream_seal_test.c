#include "base/tap.h"
#include "crypto/hash.h"
#include "crypto/stream_seal.h"

#define N 5000
#define CHUNKS 3

struct sealed {
	uint8_t head[STREAM_SEAL_HEAD];
	uint8_t chunk[CHUNKS][N + STREAM_SEAL_EXTRA];
};

static const char passphrase[] = "correct horse battery";

static void
make(struct sealed *s)
{
	struct stream_seal *seal = NULL;
	uint8_t plain[N];
	struct err e;

	ok(stream_seal_new(passphrase, s->head, &seal, &e) == RC_OK, "a passphrase makes a key");
	for (int i = 0; i < CHUNKS; i++) {
		memset(plain, 'a' + i, N);
		stream_seal_push(seal, bytes_of(plain, N), i == CHUNKS - 1, s->chunk[i]);
	}
	stream_seal_free(seal);
}

/* How many chunks open, in the order of `order`; *last: what the last of them said. */
static int
opened(const struct sealed *s, const int order[CHUNKS], bool *last)
{
	struct stream_seal *seal = NULL;
	uint8_t out[N + STREAM_SEAL_EXTRA];
	size_t n = 0;
	int good = 0;

	*last = false;
	if (stream_seal_open(passphrase, s->head, &seal, NULL) != RC_OK)
		return -1;
	for (int i = 0; i < CHUNKS; i++) {
		if (stream_seal_pull(seal, bytes_of(s->chunk[order[i]], N + STREAM_SEAL_EXTRA), out, &n, last, NULL) !=
			RC_OK ||
		    n != N || out[0] != 'a' + order[i] || out[N - 1] != 'a' + order[i])
			break;
		good++;
	}
	stream_seal_free(seal);
	return good;
}

static void
test_heads(const struct sealed *s)
{
	struct stream_seal *seal = NULL;
	struct sealed bad;
	bool all = true;

	ok(stream_seal_open("correct horse batterz", s->head, &seal, NULL) == RC_FORBIDDEN,
	    "another passphrase is called that");
	for (size_t i = 0; i < STREAM_SEAL_HEAD; i++) {
		memcpy(&bad, s, sizeof bad);
		bad.head[i] ^= 0x20;
		all = all && stream_seal_open(passphrase, bad.head, &seal, NULL) == RC_BAD_INPUT;
	}
	ok(all, "no changed octet of the head passes, and none is called another passphrase");
	ok(stream_seal_new("short", bad.head, &seal, NULL) == RC_BAD_INPUT, "a passphrase of five letters is refused");
}

int
main(void)
{
	static const int straight[] = { 0, 1, 2 }, swapped[] = { 1, 0, 2 }, repeated[] = { 0, 0, 1 };
	struct sealed s, again;
	bool last;

	make(&s);
	make(&again);
	ok(memcmp(&s.chunk, &again.chunk, sizeof s.chunk) != 0, "the same octets sealed twice look different");
	ok(opened(&s, straight, &last) == CHUNKS && last, "what was sealed opens, and the last chunk says so");
	ok(opened(&s, swapped, &last) == 0, "a chunk doesn't open at another one's place");
	ok(opened(&s, repeated, &last) == 1, "no chunk opens twice");
	s.chunk[1][N / 2] ^= 1;
	ok(opened(&s, straight, &last) == 1 && !last, "a changed octet is noticed");
	memcpy(s.chunk[1], again.chunk[1], sizeof s.chunk[1]);
	ok(opened(&s, straight, &last) == 1, "a chunk of another stream with the same passphrase doesn't open");
	test_heads(&again);
	return done();
}
