/* `migrate nanomdm`, `migrate micromdm`: another server's store, what becomes of each device, and who comes when. With
 * --apply the people are added here, each in the group of their wave. */
#include <string.h>

#include "base/clock.h"
#include "fmt/base64.h"
#include "fmt/uri.h"
#include "fmt/utf8.h"
#include "migration/plan.h"
#include "postern/cli.h"
#include "postern/csv.h"

#define WAVE 50 /* people */
#define GROUP "migration-wave-%d"
#define PUSH_SOON (30 * 86400) /* a push certificate that ends so soon is to be renewed first */

struct person {
	const char *user, *display_name, *managed_apple_account;
	int devices, wave; /* devices that are to come; 0: none */
};

struct move {
	struct cli *k;
	struct inventory v;
	json_t *devices; /* one object for each, as --json prints it */
	json_t *by_name; /* its number by id and by serial number */
	struct person *people;
	int n_people, size_people, waves, unknown; /* lines of the file that name no device there */
	json_t *numbers; /* a person's by user */
	int counts[MIGRATION_FATE_COUNT];
	int added, present, failed;
};

/* ---- the devices ---- */

static json_t *
device_json(struct cli *k, const struct inventory_device *d, enum migration_fate f)
{
	json_t *certificate = json_null();

	if (d->certificate_sha256.p != NULL)
		certificate = json_pack("{s:s, s:I}", "sha256", hex_encode(k->a, d->certificate_sha256), "not_after",
		    (json_int_t)d->certificate_until);
	return json_pack("{s:s, s:s?, s:b, s:s?, s:s?, s:s?, s:s?, s:b, s:b, s:b, s:b, s:b, s:i, s:I, s:o, s:s}", "id",
	    d->id, "serial_number", d->serial_number, "user_enrollment", d->user_enrollment, "model_family",
	    migration_family(d), "product", d->product, "os_version", d->os_version, "topic", d->topic, "enrolled",
	    d->enrolled, "can_be_pushed", d->can_be_pushed, "assigned", d->assigned, "has_unlock_token",
	    d->has_unlock_token, "has_bootstrap_token", d->has_bootstrap_token, "user_channels", d->user_channels,
	    "seen_at", (json_int_t)d->seen_at, "certificate", certificate, "becomes", migration_fate_code(f));
}

static void
judge_devices(struct move *m)
{
	m->devices = json_keep(m->k->a, json_array());
	m->by_name = json_keep(m->k->a, json_object());
	for (int i = 0; i < m->v.n; i++) {
		const struct inventory_device *d = &m->v.devices[i];
		enum migration_fate f = migration_fate(d);

		m->counts[f]++;
		json_array_append_new(m->devices, device_json(m->k, d, f));
		json_object_set_new(m->by_name, d->id, json_integer(i));
		if (d->serial_number != NULL)
			json_object_set_new(m->by_name, d->serial_number, json_integer(i));
	}
}

/* ---- the people ---- */

/* Columns of --people. */
enum { PEOPLE_DEVICE, PEOPLE_USER, PEOPLE_NAME, PEOPLE_ACCOUNT, PEOPLE_COLUMNS };
static const char *const people_columns[PEOPLE_COLUMNS] = { "device", "user", "display_name", "managed_apple_account" };

static enum rc
read_header(struct cli *k, struct csv *c, int at[PEOPLE_COLUMNS], int *columns)
{
	const char *names[CSV_COLUMNS_MAX];
	enum rc rc = csv_record(c, names, columns, &k->err);

	for (int i = 0; i < PEOPLE_COLUMNS; i++)
		at[i] = -1;
	for (int i = 0; rc == RC_OK && i < *columns; i++) {
		int j = 0;

		while (j < PEOPLE_COLUMNS && strcmp(people_columns[j], names[i]) != 0)
			j++;
		if (j == PEOPLE_COLUMNS)
			return fail(&k->err, RC_BAD_INPUT, "the first line names an unknown column '%.60s'", names[i]);
		at[j] = i;
	}
	if (rc == RC_OK && (at[PEOPLE_DEVICE] < 0 || at[PEOPLE_USER] < 0))
		return fail(&k->err, RC_BAD_INPUT, "the first line must name the columns device and user");
	return rc;
}

/* A field of a record that has something in it; NULL otherwise. */
static const char *
field(const char *const *fields, int at)
{
	return at >= 0 && fields[at][0] != '\0' ? fields[at] : NULL;
}

static struct person *
person_of(struct move *m, const char *user)
{
	const json_t *number = json_object_get(m->numbers, user);

	if (number != NULL)
		return &m->people[json_integer_value(number)];
	if (m->n_people == m->size_people) {
		int size = m->size_people > 0 ? 2 * m->size_people : 64;
		struct person *larger = arena_array(m->k->a, (size_t)size, sizeof *larger);

		if (m->n_people > 0)
			memcpy(larger, m->people, (size_t)m->n_people * sizeof *larger);
		m->people = larger;
		m->size_people = size;
	}
	json_object_set_new(m->numbers, user, json_integer(m->n_people));
	m->people[m->n_people] = (struct person){ .user = user };
	return &m->people[m->n_people++];
}

/* A wave is full when it has so many people; a person comes with all devices, so the first one decides. */
static void
give_device(struct move *m, struct person *p, int number, int *in_wave)
{
	json_t *device = json_array_get(m->devices, (size_t)number);

	json_object_set_new(device, "person", json_string(p->user));
	if (!migration_fate_acts(migration_fate(&m->v.devices[number])))
		return;
	if (p->devices++ == 0) {
		if (m->waves == 0 || *in_wave == argv_int(m->k->v, "wave", WAVE)) {
			m->waves++;
			*in_wave = 0;
		}
		(*in_wave)++;
		p->wave = m->waves;
	}
	json_object_set_new(device, "wave", json_integer(p->wave));
}

/* The next record that has something in it; *n 0: there is none any more. */
static enum rc
read_record(struct csv *c, const int at[PEOPLE_COLUMNS], int columns, const char *fields[CSV_COLUMNS_MAX], int *n,
    struct err *e)
{
	enum rc rc = RC_OK;

	for (*n = 0; rc == RC_OK && *n == 0 && c->p < c->end;)
		rc = csv_record(c, fields, n, e);
	if (rc != RC_OK || *n == 0)
		return rc;
	if (*n != columns)
		return fail(e, RC_BAD_INPUT, "%d columns, and the first line has %d", *n, columns);
	for (int i = 0; i < *n; i++) {
		if (!utf8_valid(bytes_str(fields[i])))
			return fail(e, RC_BAD_INPUT, "column %d is not UTF-8", i + 1);
	}
	return fields[at[PEOPLE_DEVICE]][0] != '\0' && fields[at[PEOPLE_USER]][0] != '\0'
		   ? RC_OK
		   : fail(e, RC_BAD_INPUT, "it lacks device or user");
}

static enum rc
read_people(struct move *m, const char *path)
{
	const char *fields[CSV_COLUMNS_MAX];
	int at[PEOPLE_COLUMNS], columns, n, in_wave = 0;
	struct cli *k = m->k;
	struct csv c;
	enum rc rc;

	if ((rc = csv_open(k, path, &c)) != RC_OK || (rc = read_header(k, &c, at, &columns)) != RC_OK)
		return rc;
	while ((rc = read_record(&c, at, columns, fields, &n, &k->err)) == RC_OK && n > 0) {
		const json_t *number = json_object_get(m->by_name, fields[at[PEOPLE_DEVICE]]);
		struct person *p = person_of(m, csv_fold(k->a, fields[at[PEOPLE_USER]]));

		p->display_name = field(fields, at[PEOPLE_NAME]);
		p->managed_apple_account = field(fields, at[PEOPLE_ACCOUNT]);
		if (number == NULL)
			m->unknown++;
		else
			give_device(m, p, (int)json_integer_value(number), &in_wave);
	}
	return rc == RC_OK ? RC_OK : fail_in(&k->err, rc, "%s, line %d", path, c.line);
}

/* ---- --apply ---- */

static enum rc
add_to_group(struct cli *k, const char *path, const char *group)
{
	json_t *answer = NULL, *groups, *body;
	enum rc rc;

	if ((rc = cli_request(k, "GET", path, NULL, &answer)) != RC_OK)
		return rc;
	groups = json_copy(json_object_get(answer, "groups"));
	if (groups == NULL)
		groups = json_array();
	json_array_append_new(groups, json_string(group));
	body = json_keep(k->a, json_pack("{s:o}", "groups", groups));
	return cli_request(k, "PATCH", path, body, &answer);
}

static enum rc
apply(struct move *m)
{
	struct cli *k = m->k;
	enum rc rc;

	for (int i = 0; i < m->n_people; i++) {
		const struct person *p = &m->people[i];
		const char *group = arena_printf(k->a, GROUP, p->wave);
		json_t *body, *answer;

		if (p->devices == 0)
			continue;
		body = json_keep(
		    k->a, json_pack("{s:s, s:s*, s:s*, s:[s]}", "user", p->user, "display_name", p->display_name,
			      "managed_apple_account", p->managed_apple_account, "groups", group));
		rc = cli_request(k, "POST", "/users", body, &answer);
		m->added += rc == RC_OK;
		if (rc == RC_CONFLICT) {
			rc = add_to_group(k, arena_printf(k->a, "/users/%s", uri_encode(k->a, p->user)), group);
			m->present += rc == RC_OK;
		}
		if (rc == RC_UNAVAILABLE)
			return rc;
		m->failed += rc != RC_OK;
		if (rc != RC_OK)
			cli_say(k, "%s: %s", p->user, k->err.text);
	}
	return RC_OK;
}

/* ---- the report ---- */

static json_t *
fates_json(const struct move *m)
{
	json_t *list = json_array();

	for (enum migration_fate f = 0; f < MIGRATION_FATE_COUNT; f++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:s}", "becomes", migration_fate_code(f), "devices",
						m->counts[f], "todo", migration_fate_todo(f)));
	return list;
}

static json_t *
push_json(const struct move *m)
{
	json_t *list = json_array();

	for (int i = 0; i < m->v.n_push; i++) {
		const struct inventory_push *p = &m->v.push[i];
		int devices = 0;

		for (int j = 0; j < m->v.n; j++)
			devices += m->v.devices[j].enrolled && m->v.devices[j].topic != NULL &&
				   strcmp(m->v.devices[j].topic, p->topic) == 0;
		json_array_append_new(list, json_pack("{s:s, s:I, s:b, s:i}", "topic", p->topic, "not_after",
						(json_int_t)p->until, "has_key", p->has_key, "devices", devices));
	}
	return list;
}

static json_t *
waves_json(const struct move *m)
{
	json_t *list = json_array();

	for (int wave = 1; wave <= m->waves; wave++) {
		int people = 0, devices = 0;

		for (int i = 0; i < m->n_people; i++) {
			people += m->people[i].wave == wave;
			devices += m->people[i].wave == wave ? m->people[i].devices : 0;
		}
		json_array_append_new(
		    list, json_pack("{s:i, s:s, s:i, s:i}", "wave", wave, "group", arena_printf(m->k->a, GROUP, wave),
			      "people", people, "devices", devices));
	}
	return list;
}

static json_t *
parts_json(void)
{
	json_t *list = json_array();

	for (const struct migration_part *p = migration_parts; p->what != NULL; p++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "what", p->what, "becomes", p->becomes));
	return list;
}

static void
say_text(struct move *m, json_t *report)
{
	static const struct column devices[] = { { "Device", "id", COL_TEXT }, { "Serial", "serial_number", COL_TEXT },
		{ "Model", "product", COL_TEXT }, { "OS", "os_version", COL_TEXT }, { "Seen", "seen_at", COL_TIME },
		{ "Person", "person", COL_TEXT }, { "Wave", "wave", COL_NUMBER }, { "Becomes", "becomes", COL_TEXT },
		COLUMN_END };
	static const struct column fates[] = { { "Becomes", "becomes", COL_TEXT }, { "Devices", "devices", COL_NUMBER },
		{ "What is done", "todo", COL_TEXT }, COLUMN_END };
	static const struct column parts[] = { { "Part", "what", COL_TEXT }, { "Becomes", "becomes", COL_TEXT },
		COLUMN_END };
	static const struct column push[] = { { "Push topic", "topic", COL_TEXT }, { "Until", "not_after", COL_TIME },
		{ "Key", "has_key", COL_FLAG }, { "Devices", "devices", COL_NUMBER }, COLUMN_END };
	static const struct column waves[] = { { "Wave", "wave", COL_NUMBER }, { "Group", "group", COL_TEXT },
		{ "People", "people", COL_NUMBER }, { "Devices", "devices", COL_NUMBER }, COLUMN_END };
	static const struct {
		const char *key, *empty;
		const struct column *columns;
	} tables[] = {
		{ "devices", "It has no devices.", devices },
		{ "summary", "", fates },
		{ "parts", "", parts },
		{ "push_certificates",
		    "It has no push certificate in its store: give that of its command line to org set.", push },
		{ "waves", "No waves: --people says whose each device is.", waves },
	};

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		print_table(m->k, json_object_get(report, tables[i].key), tables[i].columns, tables[i].empty);
		printf("\n");
	}
	if (argv_flag(m->k->v, "apply"))
		printf("%d people added, %d were there, %d failed\n", m->added, m->present, m->failed);
}

static void
warn(const struct move *m)
{
	const struct cli *k = m->k;

	if (m->v.unreadable > 0)
		cli_warn(k, "%d record(s) can't be read; the first: %s", m->v.unreadable, m->v.unreadable_why);
	if (m->unknown > 0)
		cli_warn(k, "%d line(s) of --people name no device that is there", m->unknown);
	for (int i = 0; i < m->v.n_push; i++) {
		if (m->v.push[i].until < clock_now() + PUSH_SOON)
			cli_warn(k,
			    "the push certificate of %s ends within 30 days: renew it first, with the same Apple "
			    "Account, or "
			    "its devices can be reached no more",
			    m->v.push[i].topic);
	}
}

static json_t *
report_of(struct move *m)
{
	json_t *report = json_pack("{s:s, s:O, s:o, s:o, s:o, s:o, s:i, s:i}", "server", m->v.server, "devices",
	    m->devices, "summary", fates_json(m), "parts", parts_json(), "push_certificates", push_json(m), "waves",
	    waves_json(m), "unreadable", m->v.unreadable, "people_without_device", m->unknown);

	if (argv_flag(m->k->v, "apply"))
		json_object_set_new(report, "applied",
		    json_pack("{s:i, s:i, s:i}", "added", m->added, "present", m->present, "failed", m->failed));
	return json_keep(m->k->a, report);
}

typedef enum rc read_fn(struct arena *a, const char *source, struct inventory *out, struct err *e);

static int
migrate(const struct argv *v, read_fn *read)
{
	const char *people = argv_text(v, "people"), *source;
	struct cli k;
	struct move m = { .k = &k };
	json_t *report;
	int status = EXIT_DONE;

	cli_begin(&k, v);
	if (argv_flag(v, "apply") && people == NULL) {
		status = cli_usage(&k, "--apply wants --people: the other server does not know whose a device is");
		cli_end(&k);
		return status;
	}
	m.numbers = json_keep(k.a, json_object());
	if (cli_dsn(&k, argv_argument(v, 0), &source) != RC_OK || read(k.a, source, &m.v, &k.err) != RC_OK) {
		status = cli_refused(&k);
		cli_end(&k);
		return status;
	}
	judge_devices(&m);
	if ((people != NULL && read_people(&m, people) != RC_OK) || (argv_flag(v, "apply") && apply(&m) != RC_OK)) {
		status = cli_refused(&k);
		cli_end(&k);
		return status;
	}
	report = report_of(&m);
	warn(&m);
	if (k.json)
		print_json(report);
	else
		say_text(&m, report);
	cli_end(&k);
	return m.failed > 0 ? EXIT_REFUSED : status;
}

int
cli_migrate_nanomdm(const struct argv *v, void *ctx)
{
	(void)ctx;
	return migrate(v, nanomdm_read);
}

int
cli_migrate_micromdm(const struct argv *v, void *ctx)
{
	(void)ctx;
	return migrate(v, micromdm_read);
}
