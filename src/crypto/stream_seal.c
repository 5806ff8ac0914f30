#include "crypto/stream_seal.h"

#include <assert.h>
#include <stdlib.h>

#include <sodium.h>

#define KEY crypto_secretstream_xchacha20poly1305_KEYBYTES
#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define OPS 3
#define MEMORY_KB (128 * 1024)
/* What a file may ask of us: a hostile one is not to take the machine down. */
#define OPS_MAX 16
#define MEMORY_KB_MAX (1024 * 1024)

_Static_assert(
    crypto_secretstream_xchacha20poly1305_ABYTES == STREAM_SEAL_EXTRA, "the header states what a chunk grows by");

/* The head: what argon2id needs, the stream's own header, whether the passphrase is right, and whether
 * the octets before are whole. `check` is keyed by the passphrase, `sum` by nothing: so that damage is
 * called damage and not a wrong passphrase. */
struct head {
	uint8_t magic[16], salt[crypto_pwhash_SALTBYTES], stream[HEADER];
	uint8_t ops[4], memory_kb[4], check[32], sum[32];
};
_Static_assert(sizeof(struct head) == STREAM_SEAL_HEAD, "the head is as long as its contract says");
_Static_assert(sizeof "postern-sealed 1" == 17, "a magic of 16 octets");

static const char magic[] = "postern-sealed 1";

struct stream_seal {
	crypto_secretstream_xchacha20poly1305_state state;
};

static void
put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
sum_head(const struct head *h, uint8_t out[32])
{
	crypto_generichash(out, 32, (const uint8_t *)h, offsetof(struct head, sum), NULL, 0);
}

static void
check_head(const struct head *h, const uint8_t key[32], uint8_t out[32])
{
	crypto_generichash(out, 32, (const uint8_t *)h, offsetof(struct head, check), key, 32);
}

/* keys: the stream's, and that of `check`. */
static enum rc
derive(const char *passphrase, const struct head *h, uint8_t keys[KEY + 32], struct err *e)
{
	size_t n = strlen(passphrase);

	if (n < PASSPHRASE_MIN || n > PASSPHRASE_MAX)
		return fail(
		    e, RC_BAD_INPUT, "a passphrase has %d to %d octets, not %zu", PASSPHRASE_MIN, PASSPHRASE_MAX, n);
	if (crypto_pwhash(keys, KEY + 32, passphrase, n, h->salt, get_u32(h->ops), (size_t)get_u32(h->memory_kb) * 1024,
		crypto_pwhash_ALG_ARGON2ID13) != 0)
		return fail(e, RC_UNAVAILABLE, "%u MB of memory are needed to make a key of the passphrase",
		    get_u32(h->memory_kb) / 1024);
	return RC_OK;
}

static struct stream_seal *
state_new(void)
{
	struct stream_seal *s = sodium_init() < 0 ? NULL : calloc(1, sizeof *s);

	if (s == NULL)
		abort();
	return s;
}

enum rc
stream_seal_new(const char *passphrase, uint8_t head[STREAM_SEAL_HEAD], struct stream_seal **out, struct err *e)
{
	struct stream_seal *s = state_new();
	uint8_t keys[KEY + 32];
	struct head h;
	enum rc rc;

	memcpy(h.magic, magic, sizeof h.magic);
	randombytes_buf(h.salt, sizeof h.salt);
	put_u32(h.ops, OPS);
	put_u32(h.memory_kb, MEMORY_KB);
	if ((rc = derive(passphrase, &h, keys, e)) == RC_OK) {
		crypto_secretstream_xchacha20poly1305_init_push(&s->state, h.stream, keys);
		check_head(&h, keys + KEY, h.check);
		sum_head(&h, h.sum);
		memcpy(head, &h, sizeof h);
		*out = s;
		s = NULL;
	}
	sodium_memzero(keys, sizeof keys);
	stream_seal_free(s);
	return rc;
}

static enum rc
look_at(const struct head *h, struct err *e)
{
	uint8_t sum[32];

	if (memcmp(h->magic, magic, sizeof h->magic - 1) != 0)
		return fail(e, RC_BAD_INPUT, "it was not made by postern backup or postern node export");
	if (h->magic[sizeof h->magic - 1] != '1')
		return fail(e, RC_BAD_INPUT, "it was made by a newer postern: open it with that one");
	sum_head(h, sum);
	if (memcmp(sum, h->sum, sizeof sum) != 0 || get_u32(h->ops) < crypto_pwhash_OPSLIMIT_MIN ||
	    get_u32(h->ops) > OPS_MAX || get_u32(h->memory_kb) < crypto_pwhash_MEMLIMIT_MIN / 1024 ||
	    get_u32(h->memory_kb) > MEMORY_KB_MAX)
		return fail(e, RC_BAD_INPUT, "its beginning is damaged: take another copy");
	return RC_OK;
}

enum rc
stream_seal_open(const char *passphrase, const uint8_t head[STREAM_SEAL_HEAD], struct stream_seal **out, struct err *e)
{
	struct stream_seal *s = state_new();
	uint8_t keys[KEY + 32], check[32];
	struct head h;
	enum rc rc;

	memcpy(&h, head, sizeof h);
	if ((rc = look_at(&h, e)) != RC_OK || (rc = derive(passphrase, &h, keys, e)) != RC_OK)
		goto out;
	check_head(&h, keys + KEY, check);
	if (sodium_memcmp(check, h.check, sizeof check) != 0)
		rc = fail(e, RC_FORBIDDEN, "the passphrase is another one than it was sealed with");
	else if (crypto_secretstream_xchacha20poly1305_init_pull(&s->state, h.stream, keys) != 0)
		rc = fail(e, RC_BAD_INPUT, "its beginning is damaged: take another copy");
	if (rc == RC_OK) {
		*out = s;
		s = NULL;
	}
out:
	sodium_memzero(keys, sizeof keys);
	stream_seal_free(s);
	return rc;
}

void
stream_seal_push(struct stream_seal *s, struct bytes plain, bool last, uint8_t *out)
{
	crypto_secretstream_xchacha20poly1305_push(&s->state, out, NULL, plain.p, plain.n, NULL, 0,
	    last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

enum rc
stream_seal_pull(struct stream_seal *s, struct bytes sealed, uint8_t *out, size_t *n, bool *last, struct err *e)
{
	unsigned long long got = 0;
	uint8_t tag = 0;

	if (sealed.n < STREAM_SEAL_EXTRA ||
	    crypto_secretstream_xchacha20poly1305_pull(&s->state, out, &got, &tag, sealed.p, sealed.n, NULL, 0) != 0)
		return fail(e, RC_BAD_INPUT, "it was changed after it was made: take another copy");
	*n = (size_t)got;
	*last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return RC_OK;
}

void
stream_seal_free(struct stream_seal *s)
{
	if (s == NULL)
		return;
	sodium_memzero(s, sizeof *s);
	free(s);
}
