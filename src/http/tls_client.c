#include "http/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct http_tls_client {
	SSL_CTX *context;
	SSL_SESSION *session; /* the newest that the server gave; NULL: none yet */
	bool resume;
};

struct http_tls_stream {
	SSL *ssl;
	const char *why; /* the library's word for what failed; NULL: nothing */
};

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct http_tls_client *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(t->session);
	t->session = session;
	return 1; /* kept */
}

enum rc
http_tls_client_open(const char *ca_file, struct http_tls_client **out, struct err *e)
{
	struct http_tls_client *t = calloc(1, sizeof *t);
	unsigned long code;
	bool good;

	if (t == NULL)
		abort();
	t->resume = true;
	t->context = SSL_CTX_new(TLS_client_method());
	good = t->context != NULL && SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION) == 1 &&
	       (ca_file != NULL ? SSL_CTX_load_verify_locations(t->context, ca_file, NULL)
				: SSL_CTX_set_default_verify_paths(t->context)) == 1;
	code = ERR_peek_error();
	ERR_clear_error();
	if (!good && ca_file != NULL && ERR_SYSTEM_ERROR(code)) {
		http_tls_client_close(t);
		return fail(e, RC_BAD_INPUT, "%s can't be read: %s", ca_file, strerror(ERR_GET_REASON(code)));
	}
	if (!good) {
		http_tls_client_close(t);
		return fail(
		    e, RC_BAD_INPUT, "%s is no file of CA certificates", ca_file != NULL ? ca_file : "the system's");
	}
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(
	    t->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->context, on_session);
	SSL_CTX_set_app_data(t->context, t);
	*out = t;
	return RC_OK;
}

void
http_tls_client_close(struct http_tls_client *t)
{
	if (t == NULL)
		return;
	SSL_SESSION_free(t->session);
	SSL_CTX_free(t->context);
	free(t);
}

void
http_tls_client_resume(struct http_tls_client *t, bool resume)
{
	t->resume = resume;
}

static bool
add_chain(SSL_CTX *context, const struct bytes *certificates, int n)
{
	for (int i = 0; i < n; i++) {
		const unsigned char *p = certificates[i].p;
		X509 *x = d2i_X509(NULL, &p, (long)certificates[i].n);

		if (x == NULL || SSL_CTX_add0_chain_cert(context, x) != 1) {
			X509_free(x);
			return false;
		}
	}
	return true;
}

enum rc
http_tls_client_identify(
    struct http_tls_client *t, const struct bytes *certificates, int n, struct bytes key, struct err *e)
{
	const unsigned char *p = key.p;
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)key.n);
	bool good = n > 0 && pkey != NULL &&
		    SSL_CTX_use_certificate_ASN1(t->context, (int)certificates[0].n, certificates[0].p) == 1 &&
		    SSL_CTX_use_PrivateKey(t->context, pkey) == 1 && SSL_CTX_check_private_key(t->context) == 1 &&
		    add_chain(t->context, certificates + 1, n - 1);

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good ? RC_OK : fail(e, RC_BAD_INPUT, "not a certificate and its key");
}

void
http_tls_client_h2(struct http_tls_client *t)
{
	static const unsigned char ours[] = "\x02h2";

	SSL_CTX_set_alpn_protos(t->context, ours, sizeof ours - 1);
}

struct http_tls_stream *
http_tls_stream_new(struct http_tls_client *t, int fd, const char *name)
{
	struct http_tls_stream *s = calloc(1, sizeof *s);
	unsigned char address[16];
	bool literal = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
	bool good;

	if (s == NULL)
		return NULL;
	s->ssl = SSL_new(t->context);
	good = s->ssl != NULL && SSL_set_fd(s->ssl, fd) == 1;
	if (good && literal)
		good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), name) == 1;
	else if (good)
		good = SSL_set_tlsext_host_name(s->ssl, name) == 1 && SSL_set1_host(s->ssl, name) == 1;
	if (good && t->resume && t->session != NULL)
		good = SSL_set_session(s->ssl, t->session) == 1;
	if (!good) {
		http_tls_stream_free(s);
		return NULL;
	}
	SSL_set_connect_state(s->ssl);
	return s;
}

void
http_tls_stream_free(struct http_tls_stream *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	free(s);
}

/* That the certificate is not good has words of its own. */
static void
keep_reason(struct http_tls_stream *s)
{
	unsigned long code = ERR_peek_error();
	long verdict = SSL_get_verify_result(s->ssl);

	if (verdict != X509_V_OK)
		s->why = X509_verify_cert_error_string(verdict);
	else if (code != 0)
		s->why = ERR_reason_error_string(code);
	ERR_clear_error();
}

const char *
http_tls_stream_why(const struct http_tls_stream *s)
{
	return s->why != NULL ? s->why : "the connection was closed";
}

bool
http_tls_stream_agreed_h2(const struct http_tls_stream *s)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(s->ssl, &name, &n);
	return n == 2 && memcmp(name, "h2", 2) == 0;
}

enum http_tls_shake
http_tls_stream_shake(struct http_tls_stream *s)
{
	int n = SSL_do_handshake(s->ssl), why = n == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, n);

	if (why == SSL_ERROR_NONE)
		return HTTP_TLS_DONE;
	keep_reason(s);
	return why == SSL_ERROR_WANT_READ    ? HTTP_TLS_WANTS_READ
	       : why == SSL_ERROR_WANT_WRITE ? HTTP_TLS_WANTS_WRITE
					     : HTTP_TLS_FAILED;
}

/* OpenSSL's verdict as read and write tell it. */
static ssize_t
told(struct http_tls_stream *s, int n)
{
	int why;

	if (n > 0)
		return n;
	why = SSL_get_error(s->ssl, n);
	keep_reason(s);
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return -1;
}

ssize_t
http_tls_stream_read(struct http_tls_stream *s, void *p, size_t n)
{
	return told(s, SSL_read(s->ssl, p, n < INT32_MAX ? (int)n : INT32_MAX));
}

ssize_t
http_tls_stream_write(struct http_tls_stream *s, const void *p, size_t n)
{
	return told(s, SSL_write(s->ssl, p, n < INT32_MAX ? (int)n : INT32_MAX));
}
