#include "http/tls_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "http/mem.h"

#define CHAIN_MAX 16
#define HEAD_MAX 8192 /* octets of an answer that are looked at */
#define EVERY_SUITE "ALL:COMPLEMENTOFALL:!aNULL:@SECLEVEL=0"

struct http_tls_probe {
	SSL_CTX *context;
};

/* What the verification of one chain complained of. */
struct doubts {
	unsigned bits;
	const char *text;
};

static unsigned
doubt_of(int error)
{
	static const struct {
		int error;
		unsigned doubt;
	} rows[] = {
		{ X509_V_ERR_CERT_HAS_EXPIRED, HTTP_TLS_EXPIRED },
		{ X509_V_ERR_CERT_NOT_YET_VALID, HTTP_TLS_NOT_YET },
		{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HTTP_TLS_SELF_SIGNED },
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, HTTP_TLS_NO_ISSUER },
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HTTP_TLS_NO_ISSUER },
		{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, HTTP_TLS_NO_ISSUER },
		{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HTTP_TLS_UNKNOWN_ROOT },
		{ X509_V_ERR_HOSTNAME_MISMATCH, HTTP_TLS_WRONG_NAME },
		{ X509_V_ERR_IP_ADDRESS_MISMATCH, HTTP_TLS_WRONG_NAME },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].error == error)
			return rows[i].doubt;
	}
	return HTTP_TLS_OTHER;
}

/* Every complaint is kept, and none ends the handshake. */
static int
on_verify(int good, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct doubts *d = SSL_get_app_data(ssl);

	if (!good) {
		int error = X509_STORE_CTX_get_error(ctx);

		d->bits |= doubt_of(error);
		if (d->text == NULL)
			d->text = X509_verify_cert_error_string(error);
	}
	return 1;
}

enum rc
http_tls_probe_open(const char *ca_file, struct http_tls_probe **out, struct err *e)
{
	struct http_tls_probe *p = http_need(calloc(1, sizeof *p));
	bool good;

	p->context = http_need(SSL_CTX_new(TLS_client_method()));
	SSL_CTX_set_default_verify_paths(p->context); /* a system without a pool trusts the file alone */
	good = ca_file == NULL || SSL_CTX_load_verify_locations(p->context, ca_file, NULL) == 1;
	ERR_clear_error();
	if (!good) {
		http_tls_probe_close(p);
		return fail(e, RC_BAD_INPUT, "%s is no file of CA certificates", ca_file);
	}
	SSL_CTX_set_verify(p->context, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_session_cache_mode(p->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(p->context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	*out = p;
	return RC_OK;
}

void
http_tls_probe_close(struct http_tls_probe *p)
{
	if (p == NULL)
		return;
	SSL_CTX_free(p->context);
	free(p);
}

static const struct {
	enum http_tls_version version;
	int number;
} versions[] = {
	{ HTTP_TLS_1_0, TLS1_VERSION },
	{ HTTP_TLS_1_1, TLS1_1_VERSION },
	{ HTTP_TLS_1_2, TLS1_2_VERSION },
	{ HTTP_TLS_1_3, TLS1_3_VERSION },
};
#define N_VERSIONS (sizeof versions / sizeof versions[0])

static int
number_of(enum http_tls_version v)
{
	size_t i = 0;

	while (i < N_VERSIONS - 1 && versions[i].version != v)
		i++;
	return versions[i].number;
}

static enum http_tls_version
version_of(int number)
{
	size_t i = 0;

	while (i < N_VERSIONS - 1 && versions[i].number != number)
		i++;
	return versions[i].version;
}

static bool
prepare(SSL *ssl, int fd, const struct http_tls_offer *o, struct doubts *d)
{
	unsigned char address[16];
	bool literal = inet_pton(AF_INET, o->name, address) == 1 || inet_pton(AF_INET6, o->name, address) == 1;

	SSL_set_app_data(ssl, d);
	SSL_set_security_level(ssl, 0);
	if (SSL_set_fd(ssl, fd) != 1 || SSL_set_min_proto_version(ssl, number_of(o->least)) != 1 ||
	    SSL_set_max_proto_version(ssl, number_of(o->most)) != 1 ||
	    SSL_set_cipher_list(ssl, o->suites != NULL ? o->suites : EVERY_SUITE) != 1)
		return false;
	if (literal)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), o->name) == 1;
	return SSL_set_tlsext_host_name(ssl, o->name) == 1 && SSL_set1_host(ssl, o->name) == 1;
}

static const struct bytes *
chain_of(struct arena *a, SSL *ssl, int *n)
{
	const STACK_OF(X509) *built = SSL_get0_verified_chain(ssl);
	struct bytes *out = arena_array(a, CHAIN_MAX, sizeof *out);

	for (*n = 0; *n < sk_X509_num(built) && *n < CHAIN_MAX; ++*n) {
		unsigned char *der = NULL;
		int length = i2d_X509(sk_X509_value(built, *n), &der);

		if (length > 0)
			out[*n] = arena_copy(a, bytes_of(der, (size_t)length));
		OPENSSL_free(der);
	}
	return out;
}

/* The socket is ready for what OpenSSL wants, before the deadline. */
static bool
wait_for(SSL *ssl, int result, int64_t deadline_ms)
{
	int want = SSL_get_error(ssl, result), n;
	int64_t left = deadline_ms - clock_mono_ms();
	struct pollfd p = { .fd = SSL_get_fd(ssl), .events = want == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN };

	if ((want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) || left <= 0)
		return false;
	n = poll(&p, 1, (int)left);
	return n > 0 || (n < 0 && errno == EINTR);
}

static bool
agree(SSL *ssl, struct arena *a, int64_t deadline_ms, struct http_tls_seen *out)
{
	unsigned long code;
	int result;

	while ((result = SSL_connect(ssl)) != 1) {
		if (wait_for(ssl, result, deadline_ms))
			continue;
		code = ERR_peek_error();
		out->no_tls = ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER ||
			      ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST ||
			      ERR_GET_REASON(code) == SSL_R_PACKET_LENGTH_TOO_LONG;
		if (code != 0 && ERR_reason_error_string(code) != NULL)
			out->why = arena_strdup(a, ERR_reason_error_string(code));
		else
			out->why =
			    clock_mono_ms() >= deadline_ms ? "no answer in time" : "the server closed the connection";
		return false;
	}
	return true;
}

/* The Server field of the answer to HEAD. Nothing rests on it: whoever does not answer in time says nothing. */
static const char *
ask_server(struct arena *a, SSL *ssl, const char *name, int64_t deadline_ms)
{
	const char *request = arena_printf(a, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name), *line;
	char *head = arena_alloc(a, HEAD_MAX + 1);
	size_t n = 0;
	int got;

	if (SSL_write(ssl, request, (int)strlen(request)) <= 0)
		return NULL; /* so short a request fits whole, or there is nobody */
	while (n < HEAD_MAX && strstr(head, "\r\n\r\n") == NULL) {
		got = SSL_read(ssl, head + n, (int)(HEAD_MAX - n));
		if (got <= 0 && !wait_for(ssl, got, deadline_ms))
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	for (line = strchr(head, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
		if (strncasecmp(line + 1, "Server:", 7) == 0) {
			line += 8 + strspn(line + 8, " \t");
			return arena_strndup(a, line, strcspn(line, "\r\n"));
		}
	}
	return NULL;
}

void
http_tls_probe_shake(
    struct http_tls_probe *p, struct arena *a, int fd, const struct http_tls_offer *offer, struct http_tls_seen *out)
{
	SSL *ssl = http_need(SSL_new(p->context));
	struct doubts d = { 0 };
	int64_t deadline_ms = clock_mono_ms() + offer->timeout_ms;

	*out = (struct http_tls_seen){ 0 };
	ERR_clear_error();
	if (!prepare(ssl, fd, offer, &d)) {
		out->why = "this system's TLS can't offer that";
	} else if (agree(ssl, a, deadline_ms, out)) {
		out->agreed = true;
		out->version = version_of(SSL_version(ssl));
		out->suite = arena_strdup(a, SSL_get_cipher_name(ssl));
		out->extended_master_secret = out->version == HTTP_TLS_1_3 || SSL_get_extms_support(ssl) == 1;
		out->chain = chain_of(a, ssl, &out->n_chain);
		out->n_sent = sk_X509_num(SSL_get_peer_cert_chain(ssl));
		out->doubts = d.bits;
		out->doubt_text = d.text;
		if (offer->ask)
			out->server = ask_server(a, ssl, offer->name, clock_mono_ms() + offer->timeout_ms);
		SSL_shutdown(ssl);
	}
	ERR_clear_error();
	SSL_free(ssl);
}
