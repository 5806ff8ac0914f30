#include "http/tls_strict.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define SUITES \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

void
http_tls_strict_offer(void *context)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context, SUITES);
}

static const char *
certificate_fault(X509 *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c);
	int digest = NID_undef, bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;

	if (bits < (EVP_PKEY_is_a(key, "RSA") ? 2048 : 256))
		return "a certificate's key is too short";
	X509_get_signature_info(c, &digest, NULL, NULL, NULL);
	if (digest == NID_sha1 || digest == NID_md5)
		return "a certificate is not signed with SHA-256";
	return NULL;
}

const char *
http_tls_strict_fault(void *connection)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(connection);
	GENERAL_NAMES *names;
	const char *fault = NULL;

	if (SSL_version(connection) == TLS1_2_VERSION && SSL_get_extms_support(connection) != 1)
		return "TLS 1.2 without Extended Master Secret";
	if (sk_X509_num(chain) < 1)
		return "there is no certificate";
	names = X509_get_ext_d2i(sk_X509_value(chain, 0), NID_subject_alt_name, NULL, NULL);
	if (names == NULL)
		return "the certificate has no subjectAltName";
	GENERAL_NAMES_free(names);
	/* The root's own signature proves nothing, so its digest does not count. */
	for (int i = 0; i < sk_X509_num(chain) && fault == NULL; i++) {
		X509 *c = sk_X509_value(chain, i);

		if (i == 0 || X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)) != 0)
			fault = certificate_fault(c);
	}
	return fault;
}
