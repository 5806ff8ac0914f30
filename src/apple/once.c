#include "apple/once.h"

#include <pthread.h>
#include <string.h>

#include "crypto/hash.h"
#include "http/mem.h"

struct once {
	pthread_mutex_t lock;
	struct {
		uint8_t digest[32];
		int64_t until;
	} seen[ONCE_MAX];
	unsigned next;
};

struct once *
once_new(void)
{
	struct once *o = http_need(calloc(1, sizeof *o));

	pthread_mutex_init(&o->lock, NULL);
	return o;
}

void
once_free(struct once *o)
{
	if (o == NULL)
		return;
	pthread_mutex_destroy(&o->lock);
	free(o);
}

bool
once_take(struct once *o, const char *text, int64_t now, int64_t until)
{
	uint8_t digest[32];
	bool used = false;
	unsigned at;

	crypto_blake2b(bytes_str(text), digest);
	pthread_mutex_lock(&o->lock);
	for (unsigned i = 0; !used && i < ONCE_MAX; i++)
		used = o->seen[i].until > now && memcmp(o->seen[i].digest, digest, sizeof digest) == 0;
	if (!used) {
		at = o->next++ % ONCE_MAX;
		memcpy(o->seen[at].digest, digest, sizeof digest);
		o->seen[at].until = until;
	}
	pthread_mutex_unlock(&o->lock);
	return !used;
}
