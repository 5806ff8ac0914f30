#include "crypto/start.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include "crypto/testkit.h"

static bool
reads_key(const char *name)
{
	struct bytes pem;
	BIO *bio;
	EVP_PKEY *key;

	get(name, &pem);
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"secret");
	EVP_PKEY_free(key);
	BIO_free(bio);
	return key != NULL;
}

/* Keys as operators have them: the openssl command writes them, with all its formats. */
static void
test_formats(void)
{
	OPENSSL("genrsa", "-out", "rsa", "2048");
	OPENSSL("rsa", "-in", "rsa", "-traditional", "-out", "rsa1");
	OPENSSL("pkcs8", "-topk8", "-in", "rsa", "-passout", "pass:secret", "-out", "rsa-enc");
	OPENSSL("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec1");
	OPENSSL("pkcs8", "-topk8", "-nocrypt", "-in", "ec1", "-out", "ec");
	OPENSSL("genpkey", "-algorithm", "ed25519", "-out", "ed");
	ok(reads_key("rsa") && reads_key("ec") && reads_key("ed"), "RSA, EC and Ed25519 keys are read as PKCS#8");
	ok(reads_key("rsa1") && reads_key("ec1"), "and in the formats from before it (PKCS#1, SEC 1)");
	ok(reads_key("rsa-enc"), "and encrypted");
}

static bool
reads_certificate(const char *const *new_key)
{
	struct bytes pem, *certificates;
	struct x509_info info;
	int n;

	openssl(new_key);
	OPENSSL("req", "-x509", "-new", "-key", "k", "-subj", "/CN=x", "-out", "c");
	get("c", &pem);
	return x509_from_pem(a, pem, &certificates, &n, &e) == RC_OK && n == 1 &&
	       x509_parse(a, certificates[0], &info, &e) == RC_OK &&
	       x509_verify(certificates[0], NULL, 0, certificates, 1, 0, true, &e) == RC_OK;
}

static void
test_certificates(void)
{
	static const char *const kinds[][9] = {
		{ "openssl", "genrsa", "-out", "k", "2048" },
		{ "openssl", "genpkey", "-algorithm", "rsa-pss", "-out", "k" },
		{ "openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "k" },
		{ "openssl", "genpkey", "-algorithm", "ed25519", "-out", "k" },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		ok(reads_certificate(kinds[i]), "a certificate of a CA is read and checked: %s",
		    strcmp(kinds[i][1], "genpkey") == 0 ? kinds[i][3] : kinds[i][1]);
}

static int
counted(OSSL_PROVIDER *p, void *arg)
{
	int *n = arg;

	*n += strcmp(OSSL_PROVIDER_get0_name(p), "postern") == 0 ? 1 : 100;
	return 1;
}

static void
test_tls(void)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method()), *client = SSL_CTX_new(TLS_client_method());
	SSL *s, *c;
	BIO *one = NULL, *two = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), DAY);
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	SSL_CTX_use_certificate(server, x);
	SSL_CTX_use_PrivateKey(server, key);
	s = SSL_new(server);
	c = SSL_new(client);
	BIO_new_bio_pair(&one, 0, &two, 0);
	SSL_set_bio(s, one, one);
	SSL_set_bio(c, two, two);
	for (int i = 0; i < 10; i++) {
		SSL_connect(c);
		SSL_accept(s);
	}
	ok(SSL_is_init_finished(s) == 1 && SSL_version(s) == TLS1_3_VERSION, "TLS 1.3 is spoken");
	SSL_free(s);
	SSL_free(c);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	X509_free(x);
	EVP_PKEY_free(key);
}

int
main(void)
{
	int n = 0;

	kit_start();
	crypto_start();
	OSSL_PROVIDER_do_all(NULL, counted, &n);
	ok(n == 1, "the provider that was cut down is the only one, started twice or not");
	test_formats();
	test_certificates();
	test_tls();
	return kit_end();
}
