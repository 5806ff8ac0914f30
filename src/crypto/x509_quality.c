/* How strong a certificate is, and what it is for. */
#include "crypto/ossl.h"

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define NAMES_MAX 100

static const char *
name_text(struct arena *a, const GENERAL_NAME *g)
{
	char text[INET6_ADDRSTRLEN];
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &type);

	if (type == GEN_DNS)
		return ossl_string_text(a, s);
	if (type == GEN_IPADD && (ASN1_STRING_length(s) == 4 || ASN1_STRING_length(s) == 16) &&
	    inet_ntop(ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), text, sizeof text) !=
		NULL)
		return arena_strdup(a, text);
	return NULL;
}

static const char *const *
dns_names(struct arena *a, const X509 *x)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const char **out = arena_array(a, NAMES_MAX + 1, sizeof *out);
	int n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && n < NAMES_MAX; i++) {
		if ((out[n] = name_text(a, sk_GENERAL_NAME_value(all, i))) != NULL)
			n++;
	}
	GENERAL_NAMES_free(all);
	return out;
}

static bool
says_where_its_issuer_is(const X509 *x)
{
	AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all); i++)
		found = found || OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(all, i)->method) == NID_ad_ca_issuers;
	AUTHORITY_INFO_ACCESS_free(all);
	return found;
}

enum rc
x509_quality(struct arena *a, struct bytes der, struct x509_quality *out, struct err *e)
{
	X509 *x = hold_X509(held_new(a), ossl_certificate(der));
	EVP_PKEY *key = x != NULL ? X509_get0_pubkey(x) : NULL;
	int digest = NID_undef;

	if (key == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "not a certificate");
	X509_get_signature_info(x, &digest, NULL, NULL, NULL);
	*out = (struct x509_quality){
		.key = EVP_PKEY_get0_type_name(key),
		.key_bits = EVP_PKEY_get_bits(key),
		.digest = digest != NID_undef ? OBJ_nid2sn(digest) : NULL,
		.dns = dns_names(a, x),
		.for_servers = (X509_get_extension_flags(x) & EXFLAG_XKUSAGE) == 0 ||
			       (X509_get_extended_key_usage(x) & XKU_SSL_SERVER) != 0,
		.self_issued = X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0,
		.names_issuer = says_where_its_issuer_is(x),
	};
	out->key = arena_strdup(a, out->key != NULL ? out->key : "unknown");
	ERR_clear_error();
	return RC_OK;
}
