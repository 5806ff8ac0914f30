#include <stdlib.h>
#include <string.h>

#include "enroll/attempt.h"
#include "store/store.h"

#define EVENTS_MAX 2000
#define COMMANDS_MAX 1000
#define STEPS 3 /* of a command */

static struct event
read_event(const struct db_rows *r, int i)
{
	return (struct event){ db_get_int(r, i, 0), db_get_int(r, i, 1), db_get_text(r, i, 2), db_get_text(r, i, 3),
		db_get_text(r, i, 4), db_get_text(r, i, 5) };
}

enum rc
attempt_newest(struct call *c, const char *id, struct event *out)
{
	static const char sql[] = "SELECT seq, at, stage, code, outcome, details FROM event WHERE attempt_id = ?1"
				  " ORDER BY seq DESC LIMIT 1";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(id)), &r)) != RC_OK)
		return rc;
	if (r.rows == 0)
		return RC_NOT_FOUND;
	*out = read_event(&r, 0);
	return RC_OK;
}

static enum rc
written_events(struct call *c, const char *id, struct event **out, int *n)
{
	static const char sql[] = "SELECT seq, at, stage, code, outcome, details FROM event WHERE attempt_id = ?1"
				  " ORDER BY seq LIMIT ?2";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(id), db_int(EVENTS_MAX)), &r)) != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = read_event(&r, i);
	return RC_OK;
}

/* ---- what the rows of commands say ---- */

struct step {
	struct event event;
	int order; /* of the steps of one second */
};

static int
by_time(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->event.at != y->event.at)
		return x->event.at < y->event.at ? -1 : 1;
	return x->order - y->order;
}

static void
add_step(struct step *steps, int *n, int64_t at, enum enroll_code code, const char *details)
{
	const struct enroll_failure *f = enroll_failure(code);

	if (at == 0)
		return; /* not yet */
	steps[*n] =
	    (struct step){ { 0, at, enroll_stage_name(f->stage), f->code, enroll_outcome_name(f->outcome), details },
		    *n };
	(*n)++;
}

/* Cancelled and ended ones were not answered by the device. */
static void
add_answer(
    struct arena *a, struct step *steps, int *n, int64_t at, const char *what, const char *status, const char *error)
{
	if (status == NULL || strcmp(status, "Cancelled") == 0 || strcmp(status, "Ended") == 0)
		return;
	if (strcmp(status, "Acknowledged") == 0)
		add_step(steps, n, at, EV_command_answered, what);
	else
		add_step(steps, n, at, EV_command_error,
		    arena_printf(a, "%s: %.800s", what, error != NULL ? error : status));
}

static enum rc
command_steps(struct call *c, const char *id, struct step **out, int *n)
{
	static const char sql[] =
	    "SELECT m.request_type, m.uuid, m.delivered_at, m.not_now_at, m.answered_at, m.status, m.error"
	    " FROM enrollment e JOIN command m ON m.enrollment_id = e.id WHERE e.attempt_id = ?1"
	    " ORDER BY m.queued_at DESC, m.position DESC LIMIT ?2";
	struct db_rows r;
	enum rc rc;

	*n = 0;
	if ((rc = store_run(c, sql, DB_ARGS(db_text(id), db_int(COMMANDS_MAX)), &r)) != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows * STEPS, sizeof **out);
	for (int i = r.rows - 1; i >= 0; i--) {
		const char *what = arena_printf(c->arena, "%s %s", db_get_text(&r, i, 0), db_get_text(&r, i, 1));

		add_step(*out, n, db_get_int(&r, i, 2), EV_command_delivered, what);
		add_step(*out, n, db_get_int(&r, i, 3), EV_command_put_off, what);
		add_answer(c->arena, *out, n, db_get_int(&r, i, 4), what, db_get_text(&r, i, 5), db_get_text(&r, i, 6));
	}
	qsort(*out, (size_t)*n, sizeof **out, by_time);
	return RC_OK;
}

/* ---- together ---- */

/* In one second, a command comes after what else happened, but for the end. */
static bool
comes_first(const struct event *written, const struct event *step)
{
	bool end = strcmp(written->stage, enroll_stage_name(STAGE_END)) == 0;

	return written->at < step->at || (written->at == step->at && !end);
}

enum rc
attempt_events(struct call *c, const char *id, struct event **out, int *n)
{
	struct event *written, *to;
	int n_written = 0, n_steps = 0, i = 0;
	struct step *steps;
	enum rc rc;

	rc = written_events(c, id, &written, &n_written);
	if (rc == RC_OK)
		rc = command_steps(c, id, &steps, &n_steps);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list events");
	*n = n_written + n_steps;
	*out = to = arena_array(c->arena, (size_t)*n, sizeof *to);
	for (int k = 0; k < n_steps; k++) {
		while (i < n_written && comes_first(&written[i], &steps[k].event))
			*to++ = written[i++];
		*to++ = steps[k].event;
	}
	while (i < n_written)
		*to++ = written[i++];
	return RC_OK;
}
