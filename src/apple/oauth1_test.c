#include "apple/oauth1.h"
#include "base/tap.h"

/* RFC 5849 1.2's last request. */
static const char vacation[] =
    "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", oauth_token=\"nnch734d00sl2jdk\", "
    "oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"137131202\", oauth_nonce=\"chapoH\", "
    "oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\"";

static void
test_signature(struct arena *a)
{
	struct err e = { 0 };
	struct oauth1 o;
	const char *base;

	ok(oauth1_parse(a, vacation, &o, &e) == RC_OK, "the header of RFC 5849 1.2 is read");
	is_str(o.signature, "MdpQcU8iPSUjWoN/UDMsK2sui9I=", "percent-encoding is undone");
	base = oauth1_base(a, "GET", "http://photos.example.net/photos", "file=vacation.jpg&size=original", &o);
	is_str(base,
	    "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03"
	    "%26oauth_nonce%3DchapoH%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131202"
	    "%26oauth_token%3Dnnch734d00sl2jdk%26size%3Doriginal",
	    "query and header are one sorted list, without realm and signature (RFC 5849 3.4.1.3)");
	is_str(oauth1_sign(a, base, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00"), o.signature,
	    "and the signature is the RFC's own");
}

static void
test_refusals(struct arena *a)
{
#define REST "oauth_token=\"t\", oauth_signature=\"s\", oauth_timestamp=\"1\", oauth_nonce=\"n\""
#define KEY "oauth_consumer_key=\"k\", "
#define METHOD "oauth_signature_method=\"HMAC-SHA1\", "
	static const struct {
		const char *header, *sentence;
	} cases[] = {
		{ NULL, "Missing required authorization parameter" },
		{ "Bearer x", "Missing required authorization parameter" },
		{ "OAuth ", "Missing required authorization parameter" },
		{ "OAuth " METHOD REST, "Missing required authorization parameter" },
		{ "OAuth " KEY "oauth_signature_method=\"PLAINTEXT\", " REST, "Unsupported signature method" },
		{ "OAuth " KEY METHOD REST ", oauth_version=\"2.0\"", "Unsupported oauth parameters" },
		{ "OAuth " KEY METHOD REST ", file=\"x\"", "Unsupported oauth parameters" },
		{ "OAuth " KEY KEY METHOD REST, "Duplicated OAuth protocol parameter" },
		{ "OAuth " KEY METHOD "oauth_token=t", "the Authorization header can't be read" },
		{ "OAuth " KEY METHOD REST " oauth_version=\"1.0\"", "the Authorization header can't be read" },
	};
	struct oauth1 o;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = { 0 };

		ok(oauth1_parse(a, cases[i].header, &o, &e) == RC_BAD_INPUT && strcmp(e.text, cases[i].sentence) == 0,
		    "%zu: %s", i + 1, cases[i].sentence);
	}
}

int
main(void)
{
	struct arena *a = arena_new(0);

	test_signature(a);
	test_refusals(a);
	arena_free(a);
	return done();
}
