#include "device/device.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/buf.h"
#include "crypto/x509.h"
#include "base/disk.h"
#include "device/url.h"
#include "separation/store.h"

void
device_init(struct device *d, struct arena *a, const char *dir, enum story_mode mode, FILE *out)
{
	*d = (struct device){ .arena = a, .dir = dir, .identity_fd = -1 };
	story_init(&d->story, mode, out);
}

void
device_close(struct device *d)
{
	story_end(&d->story);
	for (int i = 0; i < DEVICE_AGENTS; i++)
		device_agent_reset(d, (enum device_agent)i);
	if (d->identity_fd >= 0)
		close(d->identity_fd);
	d->identity_fd = -1;
}

enum rc
device_load(struct device *d)
{
	enum rc rc = device_self_load(d->arena, d->dir, &d->self, &d->err);

	if (rc != RC_OK)
		return rc;
	if (d->self.family == NULL || (d->family = device_family_find(d->self.family)) == NULL || d->self.os == NULL ||
	    device_version(d->self.os) == 0)
		return fail(&d->err, RC_BAD_INPUT, "%s/device.json describes no device that can be simulated", d->dir);
	if ((rc = device_quirks_read(d->self.strict, &d->strict, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "%s/device.json", d->dir);
	if (d->self.phase != DEVICE_ENROLLED)
		return RC_OK;
	rc = device_enrollment_load(d->arena, d->dir, &d->en, &d->err);
	if (rc == RC_NOT_FOUND) {
		/* The key went before the note of it did: killed in between. The key decides. */
		return device_forget(d, "the managed volume is gone");
	}
	if (rc == RC_OK)
		rc = device_profile_read(d->arena, d->en.profile, &d->profile, &d->err);
	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "stored enrollment");
}

enum rc
device_save(struct device *d)
{
	struct arena *a;
	enum rc rc;

	if (d->dir == NULL)
		return RC_OK;
	a = arena_new(0);
	rc = device_self_save(a, d->dir, &d->self, &d->err);
	arena_free(a);
	return rc;
}

enum rc
device_save_enrollment(struct device *d)
{
	struct arena *a;
	enum rc rc;

	if (d->dir == NULL)
		return RC_OK;
	a = arena_new(0);
	rc = device_enrollment_save(a, d->dir, &d->en, &d->err);
	arena_free(a);
	return rc;
}

enum rc
device_need_enrolled(struct device *d)
{
	if (d->self.phase == DEVICE_ENROLLED)
		return RC_OK;
	if (d->self.phase == DEVICE_UNENROLLED)
		return fail(&d->err, RC_CONFLICT, "this device is not enrolled any more: %s",
		    d->self.ended_because != NULL ? d->self.ended_because : "it was unenrolled");
	return fail(&d->err, RC_CONFLICT, "this device is not enrolled");
}

bool
device_is_byod(const struct device *d)
{
	return d->en.mode != NULL && strcmp(d->en.mode, "BYOD") == 0;
}

const struct device_model *
device_model(const struct device *d)
{
	unsigned version = device_version(d->self.os);
	const struct device_model *m = device_model_find(d->family, version, d->self.model);

	return m != NULL ? m : device_model_find(d->family, UINT_MAX, NULL);
}

bool
device_is_strict(const struct device *d, enum device_quirk q)
{
	return (d->strict >> q & 1) != 0;
}

bool
device_can(const struct device *d, enum device_feature f)
{
	return device_os_can(d->family->os, device_version(d->self.os), f);
}

struct device_schema
device_rules(const struct device *d, bool user_channel)
{
	return (struct device_schema){ .os = d->family->os,
		.version = device_version(d->self.os),
		.byod = device_is_byod(d),
		.user_channel = user_channel };
}

void
device_agent_reset(struct device *d, enum device_agent agent)
{
	http_client_close(d->agent[agent]);
	d->agent[agent] = NULL;
}

/* libcurl wants files for a client certificate. The key must not leave the managed volume, so the
 * file is one in memory that only this process can reach. */
static enum rc
identity_file(struct device *d, const char **path)
{
	char *pem =
	    arena_printf(d->arena, "%s%s", x509_pem(d->arena, d->en.certificate), x509_key_pem(d->arena, d->en.key));
	size_t n = strlen(pem);

	if (d->identity_fd >= 0)
		close(d->identity_fd);
	d->identity_fd = memfd_create("identity", MFD_CLOEXEC);
	if (d->identity_fd < 0 || write(d->identity_fd, pem, n) != (ssize_t)n)
		return fail(&d->err, RC_UNAVAILABLE, "no memory file for the client certificate");
	*path = arena_printf(d->arena, "/proc/self/fd/%d", d->identity_fd);
	return RC_OK;
}

static enum rc
agent_open(struct device *d, enum device_agent agent)
{
	struct http_client_settings s = {
		.ca_file = d->self.ca_file,
		.connect_to = d->self.connect_to,
		.timeout_ms = agent == DEVICE_AGENT_MDM ? 45000 : 90000,
		.https_only = agent != DEVICE_AGENT_WEB && agent != DEVICE_AGENT_SCEP,
		.cookies = agent == DEVICE_AGENT_WEB,
		.strict_tls =
		    (agent == DEVICE_AGENT_MANAGEMENT || agent == DEVICE_AGENT_MDM) && device_can(d, DEVICE_STRICT_TLS),
	};
	enum rc rc;

	if (d->self.apple_ca != NULL && (agent == DEVICE_AGENT_MANAGEMENT || agent == DEVICE_AGENT_APPLE) &&
	    (rc = disk_read(d->arena, "/", d->self.apple_ca, &s.ca, &d->err)) != RC_OK)
		return rc;
	switch (agent) {
	case DEVICE_AGENT_MANAGEMENT:
		s.user_agent = "DeviceManagementClient/1.0";
		break;
	case DEVICE_AGENT_APPLE:
		s.user_agent = "akd/1.0";
		break;
	case DEVICE_AGENT_WEB:
		s.user_agent = device_safari(d->arena, d->family, d->self.os);
		break;
	case DEVICE_AGENT_SCEP:
		s.user_agent = "profiled/1.0 CFNetwork/1568.300.101 Darwin/24.2.0";
		break;
	default:
		s.user_agent = "MDM/1.0";
		if (d->en.key.p != NULL) {
			if ((rc = identity_file(d, &s.cert_file)) != RC_OK)
				return rc;
			s.key_file = s.cert_file;
		}
	}
	return http_client_open(&s, &d->agent[agent], &d->err);
}

static void
show_witness(struct device *d, enum device_agent agent, const struct http_client_request *request,
    const struct http_client_answer *answer, int64_t took_ms)
{
	struct device_seen seen = { .agent = agent,
		.request = request,
		.answer = answer,
		.why = answer == NULL ? d->err.text : NULL,
		.began = clock_now() - took_ms / 1000,
		.took_ms = took_ms };

	if (d->witness.tell != NULL)
		d->witness.tell(d->witness.ctx, &seen);
}

enum rc
device_exchange(struct device *d, struct arena *a, enum device_agent agent, const struct http_client_request *request,
    struct http_client_answer *answer)
{
	int64_t begun = clock_mono_ms(), took_ms;
	enum rc rc;

	if (d->agent[agent] == NULL && (rc = agent_open(d, agent)) != RC_OK)
		return rc;
	d->exchanges++;
	d->answered = 0;
	rc = http_client_send(d->agent[agent], a, request, answer, &d->err);
	took_ms = clock_mono_ms() - begun;
	show_witness(d, agent, request, rc == RC_OK ? answer : NULL, took_ms);
	story_detail(&d->story, request->method, "%s", device_url_masked(a, request->url));
	if (rc != RC_OK) {
		story_detail(&d->story, "failed", "%s", d->err.text);
		return rc;
	}
	d->connects += (unsigned)answer->connects;
	d->answered = answer->status;
	story_detail(&d->story, "answer", "%d, %s, %zu octets, %lld ms", answer->status,
	    answer->type != NULL ? answer->type : "no media type", answer->body.n, (long long)took_ms);
	if (answer->location != NULL && answer->status >= 300 && answer->status < 400)
		story_detail(&d->story, "Location", "%s", device_url_masked(a, answer->location));
	return RC_OK;
}

enum rc
device_forget(struct device *d, const char *because)
{
	size_t left;
	enum rc rc;

	if ((rc = separation_store_end(d->arena, d->dir, &left, &d->err)) != RC_OK)
		return rc;
	d->en = (struct device_enrollment){ 0 };
	d->profile = (struct device_profile){ 0 };
	device_agent_reset(d, DEVICE_AGENT_MDM);
	if (d->identity_fd >= 0)
		close(d->identity_fd);
	d->identity_fd = -1;
	d->self.phase = DEVICE_UNENROLLED;
	d->self.ended_because = because;
	if ((rc = device_save(d)) != RC_OK)
		return rc;
	story_step(&d->story, "volume-destroyed", "The managed volume was destroyed: %s", because);
	story_detail(&d->story, "key", "overwritten, unlinked, made durable");
	story_detail(
	    &d->story, "proof", "%zu octets of ciphertext are left and can't be opened: no file has the key", left);
	return RC_OK;
}
