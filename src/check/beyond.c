/* What no device sees before somebody has signed in, and an administrator can look at all the same. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/disk.h"
#include "check/walk.h"
#include "config/config.h"
#include "crypto/x509.h"
#include "device/url.h"

#define DAY 86400
#define SOON_DAYS 30

/* ---- SCEP ---- */

static bool
offers(struct bytes caps, const char *word)
{
	const char *p = (const char *)caps.p;
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= caps.n; i++) {
		bool begins = i == 0 || p[i - 1] == '\n',
		     ends = i + n == caps.n || p[i + n] == '\r' || p[i + n] == '\n';

		if (begins && ends && memcmp(p + i, word, n) == 0)
			return true;
	}
	return false;
}

/* Plain http is allowed here (protocol 6.1), so the web view's client asks, and TLS is not judged. */
static void
ask_scep(struct walk *w, const char *url)
{
	static const char *const wanted[] = { "SHA-256", "AES", "POSTPKIOperation" };
	struct http_client_request q = { .method = "GET", .max_body = 64u * 1024 };
	struct http_client_answer r;
	const char *missing = "";

	q.url = device_url_add_query(w->a, url, "operation=GetCACaps&message=");
	walk_reach(w, CHECK_SCEP);
	if (walk_ask(w, w->web, &q, NULL, &r) != RC_OK || r.status != 200) {
		walk_find(
		    w, CAUSE_scep_status, url, "%s", r.status != 0 ? arena_printf(w->a, "%d", r.status) : w->err.text);
		return;
	}
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		if (!offers(r.body, wanted[i]))
			missing = arena_printf(w->a, "%s%s%s", missing, *missing != '\0' ? ", " : "", wanted[i]);
	}
	if (*missing != '\0' && !offers(r.body, "SCEPStandard"))
		walk_find(w, CAUSE_scep_weak, url, "it does not offer %s", missing);
	walk_note(w, CHECK_SCEP, "GetCACaps answers, at %s", device_url_origin(w->a, url));
}

/* ---- a server of ours: its folder says where SCEP is, and what pushes are signed with ---- */

/* Call `each` for the organization in the middle of every keys/PREFIX-ORGANIZATION.pem. Returns how many, -1: the
 * folder can't be read. */
static int
each_organization(
    struct walk *w, const char *prefix, void (*each)(struct walk *w, const char *file, const char *organization))
{
	const char *path = arena_printf(w->a, "%s/keys", w->plan->data);
	size_t before = strlen(prefix);
	const struct dirent *entry;
	DIR *dir = opendir(path);
	int found = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		const char *name = arena_strdup(w->a, entry->d_name);
		size_t n = strlen(name);

		if (n <= before + 4 || strncmp(name, prefix, before) != 0 || strcmp(name + n - 4, ".pem") != 0)
			continue;
		each(w, name, arena_strndup(w->a, name + before, n - before - 4));
		found++;
	}
	closedir(dir);
	return found;
}

static void
ask_own_scep(struct walk *w, const char *file, const char *organization)
{
	struct conf conf;

	(void)file;
	if (conf_load(w->a, w->plan->data, &conf, &w->err) == RC_OK && conf.url != NULL)
		ask_scep(w, arena_printf(w->a, "%s/scep/%s", conf.url, organization));
}

void
walk_scep(struct walk *w)
{
	if (w->web == NULL)
		return;
	if (w->plan->scep_url != NULL)
		ask_scep(w, w->plan->scep_url);
	else if (w->plan->data != NULL)
		each_organization(w, "ca-", ask_own_scep);
}

static void
judge_push(struct walk *w, const char *file, const char *organization)
{
	struct bytes text, *certificates;
	struct x509_info info;
	int n;

	if (disk_read(w->a, arena_printf(w->a, "%s/keys", w->plan->data), file, &text, &w->err) != RC_OK ||
	    x509_from_pem(w->a, text, &certificates, &n, &w->err) != RC_OK || n == 0 ||
	    x509_parse(w->a, certificates[0], &info, &w->err) != RC_OK) {
		walk_find(w, CAUSE_push_unreadable, organization, "%s", w->err.text);
		return;
	}
	walk_note(w, CHECK_PUSH, "%s: topic %s, until %s", organization, info.uid != NULL ? info.uid : "missing",
	    clock_rfc3339(w->a, info.not_after));
	if (info.not_after < w->plan->now)
		walk_find(w, CAUSE_push_expired, organization, "it ended on %s", clock_rfc3339(w->a, info.not_after));
	else if (info.not_after - w->plan->now < SOON_DAYS * (int64_t)DAY)
		walk_find(w, CAUSE_push_soon, organization, "it ends on %s", clock_rfc3339(w->a, info.not_after));
}

void
walk_push(struct walk *w)
{
	int found;

	if (w->plan->data == NULL)
		return;
	walk_reach(w, CHECK_PUSH);
	if ((found = each_organization(w, "push-", judge_push)) < 0)
		walk_find(w, CAUSE_push_unreadable, w->plan->data, "its folder keys: %s", strerror(errno));
	else if (found == 0)
		walk_find(w, CAUSE_push_missing, w->plan->data, "no keys/push-*.pem in it");
}
