#include "apple/fault.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/json.h"
#include "http/mem.h"

struct rule {
	const char *service, *subject; /* NULL: all */
	int64_t every, after, times; /* 0: not said */
	struct fault fault;
	int64_t seen, done;
};

struct faults {
	pthread_mutex_t lock;
	struct arena *arena; /* of the rules */
	struct rule *rules;
	int n;
};

struct faults *
faults_new(void)
{
	struct faults *f = http_need(calloc(1, sizeof *f));

	pthread_mutex_init(&f->lock, NULL);
	f->arena = arena_new(0);
	return f;
}

void
faults_free(struct faults *f)
{
	if (f == NULL)
		return;
	pthread_mutex_destroy(&f->lock);
	arena_free(f->arena);
	free(f);
}

/* ---- reading ---- */

static const char *const numbers[] = { "every", "after", "times", "status", "retry_after", NULL };
static const char *const texts[] = { "service", "subject", "then", NULL };

static bool
listed(const char *const *list, const char *key)
{
	while (*list != NULL && strcmp(*list, key) != 0)
		list++;
	return *list != NULL;
}

/* A key that is misspelt would be a fault that never comes, and a test that proves nothing. */
static enum rc
check_keys(json_t *item, int n, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(item, key, value)
	{
		bool good = listed(numbers, key) ? json_is_integer(value) && json_integer_value(value) >= 0
			    : listed(texts, key) ? json_is_string(value)
						 : strcmp(key, "body") == 0 && json_is_object(value);

		if (!good)
			return fail(e, RC_BAD_INPUT, "rule %d: %.40s", n, key);
	}
	return json_is_object(item) ? RC_OK : fail(e, RC_BAD_INPUT, "rule %d is no object", n);
}

static enum rc
read_rule(struct arena *a, json_t *item, int n, struct rule *r, struct err *e)
{
	static const char *const thens[] = { "", "goaway", "drop" };
	const char *then = json_get_text(item, "then"), *body;
	json_t *said = json_object_get(item, "body");
	enum rc rc = check_keys(item, n, e);

	if (rc != RC_OK)
		return rc;
	*r = (struct rule){ .service = json_get_text(item, "service"),
		.subject = json_get_text(item, "subject"),
		.every = json_get_int(item, "every", 0),
		.after = json_get_int(item, "after", 0),
		.times = json_get_int(item, "times", json_object_get(item, "after") != NULL ? 1 : 0),
		.fault = { .status = (int)json_get_int(item, "status", 0),
		    .retry_after = (int)json_get_int(item, "retry_after", 0) } };
	if (r->fault.status != 0 && (r->fault.status < 200 || r->fault.status > 599))
		return fail(e, RC_BAD_INPUT, "rule %d: status", n);
	for (int i = 1; then != NULL && r->fault.then == FAULT_GO_ON; i++) {
		if (i == sizeof thens / sizeof thens[0])
			return fail(e, RC_BAD_INPUT, "rule %d: then is goaway or drop", n);
		if (strcmp(thens[i], then) == 0)
			r->fault.then = (enum fault_then)i;
	}
	if (said != NULL) {
		body = (const char *)json_text(a, said, 0).p;
		if (strlen(body) > FAULT_BODY)
			return fail(e, RC_BAD_INPUT, "rule %d: body", n);
		r->fault.body = body;
	}
	return RC_OK;
}

static enum rc
read_rules(struct arena *a, struct bytes json, struct rule **rules, int *n, struct err *e)
{
	json_t *list, *item;
	enum rc rc;
	size_t i;

	if ((rc = json_parse(a, json, &list, e)) != RC_OK)
		return rc;
	if (!json_is_array(list) || json_array_size(list) > FAULT_RULES)
		return fail(e, RC_BAD_INPUT, "a list of at most %d rules is expected", FAULT_RULES);
	*rules = arena_array(a, json_array_size(list), sizeof **rules);
	*n = (int)json_array_size(list);
	json_array_foreach(list, i, item)
	{
		if ((rc = read_rule(a, item, (int)i + 1, &(*rules)[i], e)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc
faults_set(struct faults *f, struct bytes json, struct err *e)
{
	struct arena *a = arena_new(0), *old;
	struct rule *rules = NULL;
	int n = 0;
	enum rc rc = read_rules(a, json, &rules, &n, e);

	if (rc != RC_OK) {
		arena_free(a);
		return rc;
	}
	pthread_mutex_lock(&f->lock);
	old = f->arena;
	f->arena = a;
	f->rules = rules;
	f->n = n;
	pthread_mutex_unlock(&f->lock);
	arena_free(old);
	return RC_OK;
}

/* ---- acting ---- */

static bool
fits(const struct rule *r, const char *service, const char *subject)
{
	return (r->service == NULL || strcmp(r->service, service) == 0) &&
	       (r->subject == NULL || strcmp(r->subject, subject) == 0);
}

static bool
due(const struct rule *r)
{
	return (r->times == 0 || r->done < r->times) && r->seen > r->after &&
	       (r->every == 0 || r->seen % r->every == 0);
}

bool
faults_take(struct faults *f, struct arena *a, const char *service, const char *subject, struct fault *out)
{
	bool taken = false;

	pthread_mutex_lock(&f->lock);
	for (int i = 0; i < f->n; i++) {
		struct rule *r = &f->rules[i];

		if (!fits(r, service, subject))
			continue;
		r->seen++;
		if (taken || !due(r))
			continue;
		r->done++;
		*out = r->fault;
		out->body = r->fault.body != NULL ? arena_strdup(a, r->fault.body) : NULL;
		taken = true;
	}
	pthread_mutex_unlock(&f->lock);
	return taken;
}
