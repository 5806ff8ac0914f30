#include "http/tls.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "http/mem.h"
#include "http/tls_ticket.h"

struct http_tls {
	char *cert_file, *key_file, *client_ca;
	bool ask, h2;
	pthread_mutex_t lock; /* over all that follows */
	SSL_CTX *ctx, *next;
	struct tls_tickets *tickets; /* outlive a context */
};

/* ---- contexts ---- */

static int
any_chain(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static int
on_ticket(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int make)
{
	struct http_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	return tls_tickets_use(t->tickets, name, iv, cipher, mac, make);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned n_in, void *arg)
{
	const struct http_tls *t = arg;
	const char *ours = t->h2 ? "\x02h2" : "\x08http/1.1";

	(void)ssl;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, n, (const unsigned char *)ours,
		(unsigned)strlen(ours), in, n_in) == OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: no protocol in common */
}

static enum rc
tls_fail(struct err *e, enum rc rc, const char *what, const char *file)
{
	unsigned long code = ERR_peek_error(); /* the first: those after it say what could not be done without it */
	const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

	fail(e, rc, "%s %s: %s", what, file, reason != NULL ? reason : "not usable");
	ERR_clear_error();
	return rc;
}

static const char *
kind_of(bool ask)
{
	return ask ? "mtls" : "tls";
}

static bool
configure(SSL_CTX *ctx, struct http_tls *t)
{
	/* The same at every node, so that a session of one is known to another. */
	char id[32];
	int n = snprintf(id, sizeof id, "postern %s", kind_of(t->ask));

	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(
	    ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets only: nothing to share or to fill */
	SSL_CTX_set_timeout(ctx, TLS_TICKET_LIFE_S);
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, t);
	if (t->client_ca != NULL) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	} else if (t->ask) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(ctx, any_chain, NULL);
	}
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
					    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384") == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384") == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 && SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
	       SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, (unsigned char *)id, (unsigned)n) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 1;
}

static enum rc
context(struct http_tls *t, SSL_CTX **out, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	enum rc rc;

	ERR_clear_error();
	if (ctx == NULL || !configure(ctx, t))
		rc = tls_fail(e, RC_INTERNAL, "TLS settings for", t->cert_file);
	else if (SSL_CTX_use_certificate_chain_file(ctx, t->cert_file) != 1)
		rc = tls_fail(e, RC_BAD_INPUT, "certificate", t->cert_file);
	else if (SSL_CTX_use_PrivateKey_file(ctx, t->key_file, SSL_FILETYPE_PEM) != 1)
		rc = tls_fail(e, RC_BAD_INPUT, "private key", t->key_file);
	else if (SSL_CTX_check_private_key(ctx) != 1)
		rc = tls_fail(e, RC_BAD_INPUT, "the certificate does not belong to the private key", t->key_file);
	else if (t->client_ca != NULL && SSL_CTX_load_verify_file(ctx, t->client_ca) != 1)
		rc = tls_fail(e, RC_BAD_INPUT, "certificate authority", t->client_ca);
	else
		rc = RC_OK;
	if (rc != RC_OK) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	*out = ctx;
	return rc;
}

enum rc
http_tls_open(const struct http_tls_settings *s, struct http_tls **out, struct err *e)
{
	struct http_tls *t;
	enum rc rc;

	*out = NULL;
	if (s->cert_file == NULL || s->key_file == NULL)
		return fail(e, RC_BAD_INPUT, "a TLS listener needs a certificate and a key file");
	t = http_need(calloc(1, sizeof *t));
	t->cert_file = http_need(strdup(s->cert_file));
	t->key_file = http_need(strdup(s->key_file));
	t->client_ca = s->client_ca != NULL ? http_need(strdup(s->client_ca)) : NULL;
	t->ask = s->ask || s->client_ca != NULL;
	t->h2 = s->h2;
	t->tickets = tls_tickets_new(kind_of(t->ask));
	pthread_mutex_init(&t->lock, NULL);
	if ((rc = context(t, &t->ctx, e)) != RC_OK) {
		http_tls_close(t);
		return rc;
	}
	*out = t;
	return RC_OK;
}

void
http_tls_close(struct http_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	SSL_CTX_free(t->next);
	pthread_mutex_destroy(&t->lock);
	tls_tickets_free(t->tickets);
	free(t->cert_file);
	free(t->key_file);
	free(t->client_ca);
	free(t);
}

void
http_tls_tickets(struct http_tls *t, const struct http_tickets *from)
{
	tls_tickets_share(t->tickets, from);
}

enum rc
http_tls_prepare(struct http_tls *t, struct err *e)
{
	SSL_CTX *fresh = NULL, *old;
	enum rc rc = context(t, &fresh, e);

	if (rc != RC_OK)
		return rc;
	pthread_mutex_lock(&t->lock);
	old = t->next;
	t->next = fresh;
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);
	return RC_OK;
}

void
http_tls_commit(struct http_tls *t)
{
	SSL_CTX *old = NULL;

	pthread_mutex_lock(&t->lock);
	if (t->next != NULL) {
		old = t->ctx;
		t->ctx = t->next;
		t->next = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old); /* connections hold their own reference */
}

/* ---- connections ---- */

struct bufferevent *
http_tls_accept(struct http_tls *t, struct event_base *base, int fd)
{
	struct bufferevent *b;
	SSL *ssl;

	pthread_mutex_lock(&t->lock);
	ssl = SSL_new(t->ctx);
	pthread_mutex_unlock(&t->lock);
	if (ssl == NULL) {
		ERR_clear_error();
		return NULL;
	}
	b = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (b == NULL)
		return NULL; /* out of memory; libevent has freed the SSL object */
	/* A peer that leaves without close_notify is a peer that left: lengths frame our messages. */
	bufferevent_openssl_set_allow_dirty_shutdown(b, 1);
	return b;
}

bool
http_tls_accepted(struct bufferevent *b)
{
	SSL *ssl = bufferevent_openssl_get_ssl(b);

	return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

bool
http_tls_agreed_h2(struct bufferevent *b)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(bufferevent_openssl_get_ssl(b), &name, &n);
	return n == 2 && memcmp(name, "h2", 2) == 0;
}

struct bytes
http_tls_certificate(struct bufferevent *b)
{
	X509 *x = SSL_get1_peer_certificate(bufferevent_openssl_get_ssl(b));
	unsigned char *der = NULL, *copy;
	struct bytes out = { 0 };
	int n;

	if (x != NULL && (n = i2d_X509(x, &der)) > 0) {
		copy = http_need(malloc((size_t)n));
		memcpy(copy, der, (size_t)n);
		out = bytes_of(copy, (size_t)n);
	}
	OPENSSL_free(der);
	X509_free(x);
	ERR_clear_error();
	return out;
}

void
http_tls_goodbye(struct bufferevent *b)
{
	SSL *ssl = bufferevent_openssl_get_ssl(b);

	if (ssl != NULL && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
}
