/* What no device sees before somebody has signed in, and an administrator can look at all the same. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/clock.h"
#include "base/disk.h"
#include "check/walk.h"
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
void
walk_scep(struct walk *w)
{
	static const char *const wanted[] = { "SHA-256", "AES", "POSTPKIOperation" };
	struct http_client_request q = { .method = "GET", .max_body = 64u * 1024 };
	struct http_client_answer r;
	const char *missing = "";

	if (w->plan->scep_url == NULL || w->web == NULL)
		return;
	q.url = device_url_add_query(w->a, w->plan->scep_url, "operation=GetCACaps&message=");
	walk_reach(w, CHECK_SCEP);
	if (walk_ask(w, w->web, &q, NULL, &r) != RC_OK || r.status != 200) {
		walk_find(w, CAUSE_scep_status, w->plan->scep_url, "%s",
		    r.status != 0 ? arena_printf(w->a, "%d", r.status) : w->err.text);
		return;
	}
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		if (!offers(r.body, wanted[i]))
			missing = arena_printf(w->a, "%s%s%s", missing, *missing != '\0' ? ", " : "", wanted[i]);
	}
	if (*missing != '\0' && !offers(r.body, "SCEPStandard"))
		walk_find(w, CAUSE_scep_weak, w->plan->scep_url, "it does not offer %s", missing);
	walk_note(w, CHECK_SCEP, "GetCACaps answers, at %s", device_url_origin(w->a, w->plan->scep_url));
}

/* ---- the push certificate ---- */

static void
judge_push(struct walk *w, const char *dir, const char *file)
{
	struct bytes text, *certificates;
	struct x509_info info;
	int n;

	if (disk_read(w->a, dir, file, &text, &w->err) != RC_OK ||
	    x509_from_pem(w->a, text, &certificates, &n, &w->err) != RC_OK || n == 0 ||
	    x509_parse(w->a, certificates[0], &info, &w->err) != RC_OK) {
		walk_find(w, CAUSE_push_unreadable, file, "%s", w->err.text);
		return;
	}
	walk_note(w, CHECK_PUSH, "%s: topic %s, until %s", file, info.uid != NULL ? info.uid : "missing",
	    clock_rfc3339(w->a, info.not_after));
	if (info.not_after < w->plan->now)
		walk_find(w, CAUSE_push_expired, file, "it ended on %s", clock_rfc3339(w->a, info.not_after));
	else if (info.not_after - w->plan->now < SOON_DAYS * (int64_t)DAY)
		walk_find(w, CAUSE_push_soon, file, "it ends on %s", clock_rfc3339(w->a, info.not_after));
}

void
walk_push(struct walk *w)
{
	const char *path;
	const struct dirent *entry;
	int found = 0;
	DIR *dir;

	if (w->plan->data == NULL)
		return;
	path = arena_printf(w->a, "%s/keys", w->plan->data);
	walk_reach(w, CHECK_PUSH);
	if ((dir = opendir(path)) == NULL) {
		walk_find(w, CAUSE_push_unreadable, path, "%s", strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (fnmatch("push-*.pem", entry->d_name, 0) != 0)
			continue;
		judge_push(w, path, arena_strdup(w->a, entry->d_name));
		found++;
	}
	closedir(dir);
	if (found == 0)
		walk_find(w, CAUSE_push_missing, path, "no push-*.pem in it");
}
