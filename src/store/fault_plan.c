#include "store/fault_plan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static struct {
	pthread_mutex_t lock;
	enum fault_kind kind;
	int64_t at, steps;
	bool on; /* not once: from then on */
	bool loud; /* planned by the environment: who waits for the fault in a log finds it */
	enum fault_early early;
	uint64_t random;
} plan = { .lock = PTHREAD_MUTEX_INITIALIZER, .random = 1 };

#define BIT(step) (1u << (step))
#define CHANGES (BIT(STEP_WRITE) | BIT(STEP_TRUNCATE) | BIT(STEP_FLUSH))

static const unsigned counted[] = {
	[FAULT_NONE] = 0,
	[FAULT_FULL] = BIT(STEP_WRITE),
	[FAULT_IO] = CHANGES | BIT(STEP_READ) | BIT(STEP_OTHER),
	[FAULT_OOM] = BIT(STEP_ALLOCATE),
	[FAULT_KILL] = CHANGES,
};

enum fault_kind
fault_plan_step(enum fault_step step)
{
	enum fault_kind fails = FAULT_NONE;
	bool first = false;

	pthread_mutex_lock(&plan.lock);
	if (counted[plan.kind] & BIT(step)) {
		plan.steps++;
		first = plan.loud && plan.steps == plan.at;
		if (plan.steps == plan.at || (plan.on && plan.steps > plan.at))
			fails = plan.kind;
	}
	pthread_mutex_unlock(&plan.lock);
	if (first)
		log_warn("the planned fault comes now");
	return fails;
}

enum fault_early
fault_plan_early(void)
{
	enum fault_early early;

	pthread_mutex_lock(&plan.lock);
	early = plan.early;
	pthread_mutex_unlock(&plan.lock);
	return early;
}

uint32_t
fault_plan_choose(uint32_t n)
{
	uint64_t x;

	pthread_mutex_lock(&plan.lock);
	x = plan.random; /* xorshift64: a round must be repeatable from its seed */
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	plan.random = x;
	pthread_mutex_unlock(&plan.lock);
	return (uint32_t)((x >> 16) % n);
}

void
fault_plan_arm(enum fault_kind kind, int64_t at, bool on)
{
	pthread_mutex_lock(&plan.lock);
	plan.kind = kind;
	plan.at = at;
	plan.on = on;
	plan.steps = 0;
	pthread_mutex_unlock(&plan.lock);
}

void
fault_plan_set_early(enum fault_early early, uint64_t seed)
{
	pthread_mutex_lock(&plan.lock);
	plan.early = early;
	plan.random = seed != 0 ? seed : 1;
	pthread_mutex_unlock(&plan.lock);
}

int64_t
fault_plan_steps(void)
{
	int64_t steps;

	pthread_mutex_lock(&plan.lock);
	steps = plan.steps;
	pthread_mutex_unlock(&plan.lock);
	return steps;
}

/* ---- the environment's words ---- */

static const char *const early_words[] = {
	[FAULT_DROP] = "drop",
	[FAULT_REORDER] = "reorder",
	[FAULT_TEAR] = "tear",
};

static const char *const kind_words[] = {
	[FAULT_NONE] = "",
	[FAULT_FULL] = "full@",
	[FAULT_IO] = "io@",
	[FAULT_OOM] = "oom@",
	[FAULT_KILL] = "kill@",
};

static bool
parse_word(const char *word)
{
	char *end;

	for (size_t i = 0; i < sizeof early_words / sizeof early_words[0]; i++) {
		if (strcmp(word, early_words[i]) == 0) {
			plan.early = (enum fault_early)i;
			return true;
		}
	}
	if (strncmp(word, "seed=", 5) == 0) {
		plan.random = strtoull(word + 5, &end, 10);
		return end != word + 5 && *end == '\0' && plan.random != 0;
	}
	for (size_t i = FAULT_FULL; i < sizeof kind_words / sizeof kind_words[0]; i++) {
		size_t n = strlen(kind_words[i]);

		if (strncmp(word, kind_words[i], n) != 0)
			continue;
		plan.kind = (enum fault_kind)i;
		plan.at = strtoll(word + n, &end, 10);
		plan.on = *end == '+';
		return end != word + n && plan.at > 0 && end[plan.on ? 1 : 0] == '\0';
	}
	return false;
}

enum rc
fault_plan_parse(const char *words, struct err *e)
{
	char *copy = strdup(words), *rest = copy, *word;
	enum rc rc = RC_OK;

	if (copy == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	pthread_mutex_lock(&plan.lock);
	plan.loud = true;
	while (rc == RC_OK && (word = strsep(&rest, ",")) != NULL) {
		if (!parse_word(word))
			rc = fail(e, RC_BAD_INPUT, FAULTVFS_ENVIRONMENT ": unknown word %s", word);
	}
	pthread_mutex_unlock(&plan.lock);
	free(copy);
	return rc;
}
