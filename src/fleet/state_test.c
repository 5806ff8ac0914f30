/* The fleet's file, its requests, and the signatures on them: as the server would look at them. */
#include "fleet/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tap.h"
#include "crypto/cms.h"
#include "crypto/x509.h"
#include "fleet/signature.h"
#include "fleet/wire.h"
#include "fmt/base64.h"
#include "fmt/plist.h"

#define NAME "00000000-0000-4000-8000-000000000000"
#define DEVICES 5

static struct bytes spki, raw_key;

static void
fill_head(struct arena *a, struct fleet_head *h, struct bytes *key, struct bytes *pattern)
{
	struct x509_template t = {
		.subject = { .cn = NAME, .o = "Better Bag" }, .not_before = 1, .not_after = 4000000000
	};
	struct x509_template by = {
		.subject = { .cn = "Pool" }, .not_before = 1, .not_after = 4000000000, .is_ca = true
	};
	struct fleet_shape shape = { .name = NAME };
	struct bytes ca;
	struct err e = { 0 };

	*h = (struct fleet_head){ .count = DEVICES, .tag = 7, .keys = 1 };
	snprintf(h->key_kind, sizeof h->key_kind, "rsa");
	snprintf(h->url, sizeof h->url, "https://mdm.example:8443");
	snprintf(h->command_path, sizeof h->command_path, "/mdm/bag/command");
	snprintf(h->checkin_path, sizeof h->checkin_path, "/mdm/bag/checkin");
	snprintf(h->topic, sizeof h->topic, "com.apple.mgmt.External.x");
	snprintf(h->os_version, sizeof h->os_version, "18.2");
	ok(x509_key_new(a, X509_RSA_2048, key, &e) == RC_OK && x509_key_public(a, *key, &spki, &e) == RC_OK &&
		x509_raw_key(a, spki, &raw_key, &e) == RC_OK &&
		x509_issue(a, &by, spki, bytes_of(NULL, 0), *key, &ca, &e) == RC_OK &&
		x509_issue(a, &t, spki, ca, *key, pattern, &e) == RC_OK,
	    "a pattern");
	shape.pattern = *pattern;
	ok(fleet_shape_read(&shape, h, &e) == RC_OK && h->signature_size == 256, "its shape is found");
	shape.name = "11111111-0000-4000-8000-000000000000";
	ok(fleet_shape_read(&shape, h, &e) == RC_BAD_INPUT, "without the name it is no pattern");
	shape.pattern = bytes_of(pattern->p, pattern->n - 1);
	ok(fleet_shape_read(&shape, h, &e) == RC_BAD_INPUT, "a certificate cut short is no pattern");
}

static void
opens(const char *dir, struct fleet *f)
{
	struct fleet second = { .fd = -1 };
	struct err e = { 0 };
	char path[256];
	int fd;

	ok(fleet_open(dir, &second, &e) == RC_CONFLICT, "one run at a time has a fleet");
	f->head->complete = 1;
	ok(fleet_look(dir, &second, &e) == RC_OK && second.head->count == DEVICES, "it may be looked at meanwhile");
	fleet_close(&second);
	f->head->complete = 0;
	fleet_close(f);
	ok(fleet_open(dir, &second, &e) == RC_BAD_INPUT, "a fleet whose prepare did not end is refused");
	snprintf(path, sizeof path, "%s/fleet.state", dir);
	fd = open(path, O_RDWR);
	struct fleet_head h;
	ok(fd >= 0 && pread(fd, &h, sizeof h, 0) == sizeof h, "its head");
	h.complete = 1;
	ok(pwrite(fd, &h, sizeof h, 0) == sizeof h && fleet_open(dir, f, &e) == RC_OK, "a complete one is opened");
	fleet_close(f);
	h.records_at += 8;
	ok(pwrite(fd, &h, sizeof h, 0) == sizeof h && fleet_open(dir, f, &e) == RC_BAD_INPUT, "a damaged one is not");
	h.records_at -= 8;
	ok(pwrite(fd, &h, sizeof h, 0) == sizeof h && fleet_open(dir, f, &e) == RC_OK, "mended it is");
	close(fd);
}

static void
has_certificates(struct arena *a, const struct fleet *f)
{
	uint8_t der[FLEET_CERTIFICATE_MAX];
	char name[FLEET_UUID];
	struct x509_info info;
	struct err e = { 0 };

	fleet_certificate(f, 3, der);
	fleet_uuid(name, f->head->tag, FLEET_UUID_ROW, 3);
	ok(x509_parse(a, bytes_of(der, f->head->certificate_size), &info, &e) == RC_OK,
	    "a device's certificate decodes");
	is_str(info.cn, name, "it has the device's name");
	is_str(info.serial, "46000000070000000000000000000003", "and its serial number");
	ok(bytes_eq(info.spki, spki), "and its key");
}

static void
has_tokens(const struct fleet *f)
{
	const struct fleet_record *r = fleet_at(f, 2);

	fleet_put_tokens(f, 2);
	ok(strlen(r->access) == 43 && strlen(r->refresh) == 87 && r->refresh[43] == '.',
	    "tokens look like the server's");
}

/* The text of a field, in `a`. */
static const char *
field(struct arena *a, const char *request, const char *name)
{
	const char *p = strstr(request, name);

	return p != NULL ? arena_strndup(a, p + strlen(name), strcspn(p + strlen(name), "\r")) : NULL;
}

static void
asks_by_proxy(struct arena *a, const struct fleet *f)
{
	struct fleet_wire_plan plan = {
		.fleet = f, .proof = FLEET_PROOF_PROXY, .proxy_secret = "hush", .proxy_header = "Client-Cert"
	};
	struct fleet_request r = { .message = FLEET_ACKNOWLEDGED, .device = 4, .uuid = "C-1", .access = "tok" };
	char *text = arena_alloc(a, FLEET_REQUEST_MAX + 1), id[FLEET_UUID];
	uint8_t der[FLEET_CERTIFICATE_MAX];
	struct fleet_wire *w = NULL;
	struct err e = { 0 };
	const char *body;
	plist_t m;

	ok(fleet_wire_new(&plan, &w, &e) == RC_OK, "patterns");
	text[fleet_wire_request(w, &r, text)] = '\0';
	body = strstr(text, "\r\n\r\n");
	ok(strncmp(text, "PUT /mdm/bag/command HTTP/1.1\r\nHost: mdm.example:8443\r\n", 55) == 0 && body != NULL,
	    "an answer to a command goes to ServerURL");
	is_str(field(a, text, "Authorization: Bearer "), "tok", "with the bearer");
	is_str(field(a, text, "Postern-Proxy-Secret: "), "hush", "with what the proxy says");
	fleet_certificate(f, 4, der);
	is_str(field(a, text, "Client-Cert: "),
	    arena_printf(a, ":%s:", base64_encode(a, bytes_of(der, f->head->certificate_size))),
	    "with the certificate (RFC 9440 2.1)");
	ok(strtoul(field(a, text, "Content-Length: "), NULL, 10) == strlen(body + 4), "with the length of its body");
	ok(plist_parse(a, bytes_str(body + 4), &m, &e) == RC_OK, "which is a property list");
	fleet_uuid(id, f->head->tag, FLEET_UUID_DEVICE, 4);
	is_str(plist_text(a, m, "EnrollmentID"), id, "of the device");
	is_str(plist_text(a, m, "CommandUUID"), "C-1", "about the command");
	is_str(plist_text(a, m, "Status"), "Acknowledged", "which was obeyed");
	r.message = FLEET_TOKEN_UPDATE;
	text[fleet_wire_request(w, &r, text)] = '\0';
	body = strstr(text, "\r\n\r\n");
	ok(strncmp(text, "PUT /mdm/bag/checkin ", 21) == 0 && body != NULL &&
		plist_parse(a, bytes_str(body + 4), &m, &e) == RC_OK && plist_data(a, m, "Token").n == 32,
	    "TokenUpdate goes to CheckInURL and has a push token of 32 octets");
	ok(fleet_push_version(plist_text(a, m, "PushMagic"), f->head->tag, 4) == 0, "and a PushMagic");
	r.message = FLEET_RENEWAL;
	text[fleet_wire_request(w, &r, text)] = '\0';
	ok(strncmp(text, "POST /oauth2/token ", 19) == 0 && strstr(text, "Bearer") == NULL,
	    "a renewal goes to the token endpoint, without a bearer");
	fleet_wire_free(w);
}

static void
fits(struct arena *a, const struct fleet_wire *w, struct fleet_signatures *s, enum fleet_message m, uint64_t n)
{
	struct bytes cms = arena_copy(a, fleet_signature_get(s, m, n, "C-2")), fingerprint;
	char body[FLEET_BODY_MAX];
	struct bytes content = bytes_of(body, fleet_wire_body(w, m, n, "C-2", body));
	struct cms_signed full;
	struct err e = { 0 };

	ok(cms_verify(a, cms, content, &full, &e) == RC_OK, "%s of device %d: the library agrees (RFC 5652)",
	    fleet_message_name(m), (int)n);
	ok(cms_signer_fingerprint(a, cms, &fingerprint, &e) == RC_OK &&
		cms_verify_raw(a, cms, content, raw_key, &e) == RC_OK,
	    "and the quick way does");
	ok(cms_verify_raw(a, cms, bytes_str("other"), raw_key, &e) == RC_FORBIDDEN, "not over another body");
}

static void
signs(struct arena *a, const char *dir, const struct fleet *f)
{
	struct fleet_wire_plan plan = { .fleet = f, .proof = FLEET_PROOF_SIGNATURE };
	struct fleet_sample all = fleet_sample_new(DEVICES, DEVICES, 1);
	struct fleet_signatures *s = NULL;
	struct fleet_wire *w = NULL;
	struct err e = { 0 };
	uint64_t made = 0;

	ok(fleet_wire_new(&plan, &w, &e) == RC_OK && fleet_signatures_open(dir, f, w, &s, &e) == RC_OK, "signatures");
	ok(fleet_signatures_prepare(s, FLEET_IDLE, &all, NULL, &made, &e) == RC_OK && made == DEVICES, "one for each");
	fits(a, w, s, FLEET_IDLE, 0);
	fits(a, w, s, FLEET_IDLE, 4);
	fits(a, w, s, FLEET_ACKNOWLEDGED, 1);
	fits(a, w, s, FLEET_TOKEN_UPDATE, 2);
	fleet_at(f, 2)->push_version++;
	fits(a, w, s, FLEET_TOKEN_UPDATE, 2);
	fleet_signatures_close(s);
	s = NULL;
	ok(fleet_signatures_open(dir, f, w, &s, &e) == RC_OK &&
		fleet_signatures_prepare(s, FLEET_IDLE, &all, NULL, &made, &e) == RC_OK && made == 0,
	    "they are kept for the next run");
	fits(a, w, s, FLEET_IDLE, 3);
	ok(fleet_signatures_made(s) == 0, "and used");
	fleet_signatures_close(s);
	fleet_wire_free(w);
}

int
main(void)
{
	char dir[] = "/tmp/postern-fleet-XXXXXX", path[64];
	struct arena *a = arena_new(0);
	struct bytes key, pattern;
	struct fleet f = { .fd = -1 };
	struct fleet_head h;
	struct stat st;
	struct err e = { 0 };

	ok(mkdtemp(dir) != NULL, "a directory");
	ok(fleet_open(dir, &f, &e) == RC_NOT_FOUND, "no fleet yet");
	fill_head(a, &h, &key, &pattern);
	ok(fleet_make(dir, &h, &f, &e) == RC_OK, "a fleet is made");
	fleet_put_key(&f, 0, key, pattern);
	for (uint64_t n = 0; n < DEVICES; n++)
		memcpy(fleet_at(&f, n)->signature, pattern.p + f.head->signature_at, f.head->signature_size);
	ok(fleet_flush(&f, &e) == RC_OK, "and kept");
	snprintf(path, sizeof path, "%s/fleet.state", dir);
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "nobody else may read it");
	opens(dir, &f);
	ok(bytes_eq(fleet_key(&f, 0), key), "the key is there");
	has_certificates(a, &f);
	has_tokens(&f);
	asks_by_proxy(a, &f);
	signs(a, dir, &f);
	fleet_close(&f);
	unlink(path);
	snprintf(path, sizeof path, "%s/fleet.signatures", dir);
	unlink(path);
	rmdir(dir);
	arena_free(a);
	return done();
}
