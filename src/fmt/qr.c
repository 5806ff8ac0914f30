#include "fmt/qr.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define VERSIONS 10
#define SIZE_MAX_ (17 + 4 * VERSIONS)
#define CODEWORDS_MAX 346
#define CORRECTION_MAX 26

/* Level M of the standard's table 9: codewords in all, error correction codewords of a block, blocks; and where the
 * centres of alignment patterns are (annex E). Blocks of one version differ by one data codeword at most. */
/* clang-format off */
static const struct version {
	int codewords, correction, blocks, align[3];
} versions[VERSIONS + 1] = {
	[1]  = { 26, 10, 1, { 0 } },          [2]  = { 44, 16, 1, { 6, 18 } },      [3]  = { 70, 26, 1, { 6, 22 } },
	[4]  = { 100, 18, 2, { 6, 26 } },     [5]  = { 134, 24, 2, { 6, 30 } },     [6]  = { 172, 16, 4, { 6, 34 } },
	[7]  = { 196, 18, 4, { 6, 22, 38 } }, [8]  = { 242, 22, 4, { 6, 24, 42 } }, [9]  = { 292, 22, 5, { 6, 26, 46 } },
	[10] = { 346, 26, 5, { 6, 28, 50 } },
};
/* clang-format on */

struct drawing {
	int version, size;
	bool dark[SIZE_MAX_ * SIZE_MAX_], fixed[SIZE_MAX_ * SIZE_MAX_]; /* fixed: no data goes there */
};

/* ---- codewords ---- */

/* In GF(256) by x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t
multiply(uint8_t x, uint8_t y)
{
	unsigned z = 0;

	for (int i = 7; i >= 0; i--)
		z = (z << 1 ^ (z >> 7) * 0x11d) ^ (y >> i & 1U) * x;
	return (uint8_t)z;
}

/* Reed and Solomon's: the remainder of data by the product of (x - 2^i), i from 0 to n - 1. */
static void
correct(const uint8_t *data, int n_data, uint8_t *out, int n)
{
	uint8_t divisor[CORRECTION_MAX] = { 0 }, root = 1;

	divisor[n - 1] = 1;
	for (int i = 0; i < n; i++, root = multiply(root, 2)) {
		for (int j = 0; j < n; j++)
			divisor[j] = (uint8_t)(multiply(divisor[j], root) ^ (j + 1 < n ? divisor[j + 1] : 0));
	}
	memset(out, 0, (size_t)n);
	for (int i = 0; i < n_data; i++) {
		uint8_t factor = data[i] ^ out[0];

		memmove(out, out + 1, (size_t)n - 1);
		out[n - 1] = 0;
		for (int j = 0; j < n; j++)
			out[j] ^= multiply(divisor[j], factor);
	}
}

static int
data_words(const struct version *v)
{
	return v->codewords - v->correction * v->blocks;
}

/* Mode 4, length, octets, an end, and padding (7.4). */
static void
encode(const struct version *v, int version, const char *text, uint8_t *out)
{
	int n = (int)strlen(text), total = data_words(v), at = 0;

	/* Four bits of mode shift all that follows by half an octet; from version 10 on the length has two. */
	out[at++] = (uint8_t)(0x40 | (version < 10 ? n >> 4 : n >> 12));
	if (version >= 10)
		out[at++] = (uint8_t)(n >> 4);
	out[at] = (uint8_t)(n << 4);
	for (int i = 0; i < n; i++) {
		uint8_t octet = (uint8_t)text[i];

		out[at++] |= octet >> 4;
		out[at] = (uint8_t)(octet << 4);
	}
	for (int i = ++at; i < total; i++)
		out[i] = (i - at) % 2 == 0 ? 0xec : 0x11;
}

/* Blocks side by side: the first codeword of each, the second of each, ... then likewise their corrections (7.6). */
static void
interleave(const struct version *v, const uint8_t *data, uint8_t *out)
{
	int total = data_words(v), shorter = total / v->blocks, longer = total % v->blocks, at = 0;
	uint8_t correction[CORRECTION_MAX];

	for (int i = 0; i <= shorter; i++) {
		for (int b = 0; b < v->blocks; b++) {
			int extra = b - (v->blocks - longer); /* longer blocks come last */

			if (i < shorter || extra >= 0)
				out[at++] = data[b * shorter + (extra > 0 ? extra : 0) + i];
		}
	}
	for (int b = 0; b < v->blocks; b++) {
		int extra = b - (v->blocks - longer);

		correct(
		    data + b * shorter + (extra > 0 ? extra : 0), shorter + (extra >= 0), correction, v->correction);
		for (int i = 0; i < v->correction; i++)
			out[total + i * v->blocks + b] = correction[i];
	}
}

/* ---- modules ---- */

static void
fix(struct drawing *d, int x, int y, bool dark)
{
	if (x < 0 || y < 0 || x >= d->size || y >= d->size)
		return;
	d->dark[y * d->size + x] = dark;
	d->fixed[y * d->size + x] = true;
}

/* Squares in one another around a centre: a finder pattern with its separator (`reach` 4), an alignment pattern (2). */
static void
squares(struct drawing *d, int cx, int cy, int reach)
{
	for (int y = -reach; y <= reach; y++) {
		for (int x = -reach; x <= reach; x++) {
			int ring = abs(x) > abs(y) ? abs(x) : abs(y);

			fix(d, cx + x, cy + y, reach == 4 ? ring != 2 && ring != 4 : ring != 1);
		}
	}
}

/* Of a BCH code: `value` and the remainder of its division by `generator`, which has `bits` + 1 bits. */
static unsigned
bch(unsigned value, unsigned generator, int bits)
{
	unsigned rest = value;

	for (int i = 0; i < bits; i++)
		rest = rest << 1 ^ (rest >> (bits - 1) & 1) * generator;
	return value << bits | (rest & ((1U << bits) - 1));
}

/* Level M is 00; the mask's number; their correction (7.9). Twice, and the one module that is always dark. */
static void
format(struct drawing *d, unsigned mask)
{
	unsigned bits = bch(mask, 0x537, 10) ^ 0x5412;

	for (int i = 0; i < 15; i++) {
		bool dark = bits >> i & 1;

		if (i < 8)
			fix(d, d->size - 1 - i, 8, dark);
		else
			fix(d, 8, d->size - 15 + i, dark);
		if (i < 6)
			fix(d, 8, i, dark);
		else if (i < 8)
			fix(d, 8, i + 1, dark);
		else if (i == 8)
			fix(d, 7, 8, dark);
		else
			fix(d, 14 - i, 8, dark);
	}
	fix(d, 8, d->size - 8, true);
}

static void
patterns(struct drawing *d)
{
	const struct version *v = &versions[d->version];
	int last = d->size - 7, n = 0;

	for (int i = 0; i < d->size; i++) { /* timing */
		fix(d, 6, i, i % 2 == 0);
		fix(d, i, 6, i % 2 == 0);
	}
	squares(d, 3, 3, 4);
	squares(d, d->size - 4, 3, 4);
	squares(d, 3, d->size - 4, 4);
	while (n < 3 && v->align[n] != 0)
		n++;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			bool finder = (v->align[i] == 6 && (v->align[j] == 6 || v->align[j] == last)) ||
				      (v->align[j] == 6 && v->align[i] == last);

			if (!finder)
				squares(d, v->align[i], v->align[j], 2);
		}
	}
	format(d, 0); /* keeps its place */
	if (d->version >= 7) { /* 7.10 */
		unsigned bits = bch((unsigned)d->version, 0x1f25, 12);

		for (int i = 0; i < 18; i++) {
			fix(d, d->size - 11 + i % 3, i / 3, bits >> i & 1);
			fix(d, i / 3, d->size - 11 + i % 3, bits >> i & 1);
		}
	}
}

/* Upwards and downwards in columns of two, from the right; column 6 is timing (7.7.3). */
static void
place(struct drawing *d, const uint8_t *words, int n)
{
	int bit = 0;

	for (int right = d->size - 1; right >= 1; right -= 2) {
		bool up;

		if (right == 6)
			right = 5;
		up = ((right + 1) & 2) == 0;
		for (int i = 0; i < d->size; i++) {
			for (int j = 0; j < 2; j++) {
				int at = (up ? d->size - 1 - i : i) * d->size + right - j;

				if (d->fixed[at])
					continue;
				d->dark[at] = bit < n * 8 && (words[bit / 8] >> (7 - bit % 8) & 1);
				bit++;
			}
		}
	}
}

static bool
masked(unsigned mask, int x, int y)
{
	switch (mask) {
	case 0:
		return (x + y) % 2 == 0;
	case 1:
		return y % 2 == 0;
	case 2:
		return x % 3 == 0;
	case 3:
		return (x + y) % 3 == 0;
	case 4:
		return (x / 3 + y / 2) % 2 == 0;
	case 5:
		return x * y % 2 + x * y % 3 == 0;
	case 6:
		return (x * y % 2 + x * y % 3) % 2 == 0;
	default:
		return ((x + y) % 2 + x * y % 3) % 2 == 0;
	}
}

static void
put_mask(struct drawing *d, unsigned mask)
{
	for (int y = 0; y < d->size; y++) {
		for (int x = 0; x < d->size; x++) {
			if (!d->fixed[y * d->size + x])
				d->dark[y * d->size + x] ^= masked(mask, x, y);
		}
	}
	format(d, mask);
}

/* How hard it is to read (7.8.3): runs of one colour, blocks of four, what looks like a finder, too much of one. */
static long
penalty(const struct drawing *d)
{
	int n = d->size, count = 0;
	long sum = 0;

	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < n; i++) {
			unsigned history = 0;
			int run = 0;

			for (int j = 0; j < n; j++) {
				bool dark = turn == 0 ? d->dark[i * n + j] : d->dark[j * n + i];

				run = j > 0 && dark == (history & 1) ? run + 1 : 1;
				sum += run == 5 ? 3 : run > 5 ? 1 : 0;
				history = (history << 1 | dark) & 0x7ff;
				sum += j >= 10 && (history == 0x5d0 || history == 0x05d) ? 40 : 0;
			}
		}
	}
	for (int y = 0; y < n; y++) {
		for (int x = 0; x < n; x++) {
			const bool *p = &d->dark[y * n + x];

			count += *p;
			if (x + 1 < n && y + 1 < n && p[0] == p[1] && p[0] == p[n] && p[0] == p[n + 1])
				sum += 3;
		}
	}
	return sum + labs(count * 20L - n * n * 10L) / (n * n) * 10;
}

bool
qr_make(struct arena *a, const char *text, struct qr *out)
{
	struct drawing *d = arena_alloc(a, sizeof *d), *best = NULL;
	uint8_t *data = arena_alloc(a, CODEWORDS_MAX + 3), *words = arena_alloc(a, CODEWORDS_MAX);
	size_t n = strlen(text);
	long least = 0;

	for (d->version = 1; d->version <= VERSIONS; d->version++) {
		if ((size_t)data_words(&versions[d->version]) >= n + (d->version < 10 ? 2 : 3))
			break;
	}
	if (n == 0 || d->version > VERSIONS)
		return false;
	d->size = 17 + 4 * d->version;
	encode(&versions[d->version], d->version, text, data);
	interleave(&versions[d->version], data, words);
	patterns(d);
	place(d, words, versions[d->version].codewords);
	for (unsigned mask = 0; mask < 8; mask++) {
		struct drawing *tried = arena_alloc(a, sizeof *tried);
		long bad;

		*tried = *d;
		put_mask(tried, mask);
		bad = penalty(tried);
		if (best == NULL || bad < least) {
			best = tried;
			least = bad;
		}
	}
	*out = (struct qr){ best->size, best->dark };
	return true;
}

const char *
qr_path(struct arena *a, const struct qr *q)
{
	struct buf b;

	buf_init(&b, 128 * 1024);
	for (int y = 0; y < q->size; y++) {
		for (int x = 0; x < q->size; x++) {
			if (q->dark[y * q->size + x])
				buf_printf(&b, "M%d %dh1v1h-1z", x + 4, y + 4);
		}
	}
	return buf_finish(&b, a);
}
