#include "conform/tape.h"

#include <string.h>
#include <strings.h>

void
conform_tape_init(struct conform_tape *t, struct arena *a, const struct story *story)
{
	*t = (struct conform_tape){ .arena = a, .story = story };
	t->all = arena_array(a, CONFORM_TAPE_MAX, sizeof *t->all);
}

static const char *
copy(struct arena *a, const char *text)
{
	return text != NULL ? arena_strdup(a, text) : NULL;
}

static const char *const *
copy_list(struct arena *a, const char *const *list, int n)
{
	const char **out;

	if (n < 0)
		for (n = 0; list != NULL && list[n] != NULL; n++)
			continue;
	out = arena_array(a, (size_t)n + 1, sizeof *out);
	for (int i = 0; i < n; i++)
		out[i] = arena_strdup(a, list[i]);
	return out;
}

void
conform_tape_keep(void *ctx, const struct device_seen *seen)
{
	struct conform_tape *t = ctx;
	struct arena *a = t->arena;
	const struct http_client_request *r = seen->request;
	struct conform_exchange *x = &t->spare;

	if (t->n < CONFORM_TAPE_MAX)
		x = t->all[t->n++] = arena_alloc(a, sizeof *x);
	*x = (struct conform_exchange){ .agent = seen->agent,
		.event = t->story->event,
		.method = copy(a, r->method),
		.url = copy(a, r->url),
		.headers = copy_list(a, r->headers, -1),
		.sent = r->body.p != NULL ? arena_copy(a, r->body) : (struct bytes){ 0 },
		.answered = seen->answer != NULL,
		.why = copy(a, seen->why),
		.began = seen->began,
		.took_ms = seen->took_ms };
	if (!x->answered)
		return;
	x->answer = *seen->answer;
	x->answer.url = copy(a, x->answer.url);
	x->answer.location = copy(a, x->answer.location);
	x->answer.type = copy(a, x->answer.type);
	x->answer.header_names = copy_list(a, x->answer.header_names, x->answer.n_headers);
	x->answer.header_values = copy_list(a, x->answer.header_values, x->answer.n_headers);
	x->answer.body = arena_copy(a, x->answer.body);
}

bool
conform_is_probe(const struct conform_exchange *x)
{
	return strncmp(x->event, "probe-", 6) == 0;
}

const struct conform_exchange *
conform_tape_first(const struct conform_tape *t, const char *event)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->all[i]->event, event) == 0)
			return t->all[i];
	return NULL;
}

const struct conform_exchange *
conform_tape_last(const struct conform_tape *t, const char *event)
{
	for (int i = t->n - 1; i >= 0; i--)
		if (strcmp(t->all[i]->event, event) == 0)
			return t->all[i];
	return NULL;
}

const struct conform_exchange *
conform_tape_agent(const struct conform_tape *t, enum device_agent agent)
{
	for (int i = 0; i < t->n; i++)
		if (t->all[i]->agent == agent && !conform_is_probe(t->all[i]))
			return t->all[i];
	return NULL;
}

const char *
conform_header(const struct conform_exchange *x, const char *name)
{
	return x->answered ? http_client_header(&x->answer, name) : NULL;
}

int
conform_headers(const struct conform_exchange *x, const char *name)
{
	int n = 0;

	for (int i = 0; x->answered && i < x->answer.n_headers; i++)
		n += strcasecmp(x->answer.header_names[i], name) == 0;
	return n;
}

const char *
conform_sent_header(const struct conform_exchange *x, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *h = x->headers; *h != NULL; h++)
		if (strncasecmp(*h, name, n) == 0 && (*h)[n] == ':')
			return *h + n + 1 + strspn(*h + n + 1, " ");
	return NULL;
}

bool
conform_is_type(const struct conform_exchange *x, const char *media_type)
{
	return x->answered && x->answer.type != NULL && strcmp(x->answer.type, media_type) == 0;
}
