/* WebAuthn, with the first of the specification's own test vectors (W3C, Web Authentication Level 3, "Test Vectors", ES256
 * Credential with No Attestation), and what is changed in it. */
#include "administrator/webauthn.h"

#include "base/tap.h"
#include "fmt/base64.h"

#define RSA_ALG_AT 124 /* in rsa_object, the low octet of its algorithm */
#define SITE "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5" /* SHA-256 of example.org */

static const char created_challenge[] = "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130";
static const char created_client[] = "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414"
				     "d4d507434557878475453746e6364713431"
				     "3759447742466938767049612d7077386f4f755657345441222c226f726967696e223a22687474707"
				     "33a2f2f6578616d706c652e6f7267222c22"
				     "63726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e7444617"
				     "4614a534f4e206d61792062652065787465"
				     "6e6465642077697468206164646974696f6e616c206669656c647320696e207468652066757475726"
				     "52c207375636820617320746869733a2042"
				     "6b5165446a646354427258426941774a544c453551227d";
static const char created_object[] = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4" SITE
				     "59000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f5"
				     "79ba6122b33ad94ff3ec330084be4a50102"
				     "03262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225"
				     "820930a56b87a2fca66334b03458abf8797"
				     "17c12cc68ed73290af2e2664796b9220";
static const char asserted_challenge[] = "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408";
static const char asserted_client[] = "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e"
				      "55685158756c5455506f334a555854304939"
				      "3770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f"
				      "2f6578616d706c652e6f7267222c2263726f"
				      "73734f726967696e223a66616c73657d";
static const char asserted_data[] = SITE "1900000000";
static const char asserted_signature[] = "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd38022"
					 "1008480ac0f0b93538174f575bf11a1dd5d78c6"
					 "e486013f937295ea13653e331e87";

/* A key for RS256, made and used by the openssl command, in an attestation object put together by hand. */
static const char rsa_challenge[] = "2dd00bd77e0222ced882665481a9c1d9f907309d16e05ed007a1ea63928477a9";
static const char rsa_object[] =
    "a363666d74646e6f6e656761747453746d74a0686175746844617461590167" SITE
    "4100000000000000000000000000000000000000000020a56145270ce6b3bebd1dd012b73948677dd618d496488bc608"
    "a3cb43ce3547dda401030339010020590100e6115e96e0ac0d3bead22bb144acd1472a0fbbf0fe19809422cc73e32cd8"
    "398cc1f59cdbda76b86c4187328686bffaef8994bf9eebb104e44f5f74caf2c0db66e108a4674825436d0917c0b9b6bf"
    "ce2079e38f55ea3bc83ec0b9dcbb399c1e24f131170516e1b337d4ab519dac782424e95fcf89ea2536a8c622a1635ead"
    "5a478ce3970f8ce222c1366c9e3dd5c73ea903892ae1e8d32f7f21ce0cebac4353d4df12ad1c1ad7c6c7ecf107bed555"
    "d4767361434553d7c67f70330971400d33ee382c2152ddb5013b49bb3dc142d704e761cecba2839303a076a38641f86e"
    "8faf6855033cb1d2d90c9c5abbf529c7c5b99895fd59f19c4e489cb3fd7c720c7ec32143010001";
static const char rsa_signature[] =
    "952c9a821ca217206f449365d538f9b5aa4d3e094a256079915f0df999f6ba0430edebd7416299bb5a3ab67256962024"
    "f6f511b353ddc3509930f629d0b7b9bf73cdb06c2f1fa7ad1e6777c1031505f8daa44126b7c98ef0b2fc6b0a86df5439"
    "4febad5534130beb3886b6fae3fb28ad748c55f3c3b753c04f065e050535d908f4bf0e8dc3b3eec828dc510badabbf06"
    "d2623f72bfc98fa8e2197734e17fe15b20b8642bb519476dfbec3555ed2e1a3558388ced10c536ccb770ae12a1e6947b"
    "fd68678e7c28fb08cc575e78b18aaf14edee637fe67df578624b32f108a06059407703427940edc7173fc2d5c3353d90"
    "d0c754d808e57beb911afa507bacbd13";

static struct webauthn_expected
expect(struct arena *a, const char *challenge)
{
	return (struct webauthn_expected){ base64url_encode(a, hex_decode(a, challenge)), "https://example.org",
		"example.org" };
}

/* The attestation object with one octet changed. */
static struct bytes
changed(struct arena *a, const char *hex, size_t at, uint8_t by)
{
	struct bytes b = hex_decode(a, hex);
	uint8_t *p = arena_alloc(a, b.n);

	memcpy(p, b.p, b.n);
	p[at < b.n ? at : b.n - 1] ^= by;
	return bytes_of(p, b.n);
}

static void
created(struct arena *a, struct webauthn_credential *k)
{
	struct webauthn_expected e = expect(a, created_challenge), other = expect(a, asserted_challenge);
	struct bytes client = hex_decode(a, created_client), object = hex_decode(a, created_object);
	struct webauthn_credential got;
	bool good = true;

	ok(webauthn_created(a, &e, client, object, k, NULL) == RC_OK && k->counter == 0 &&
		strcmp(
		    k->id, base64url_encode(a, hex_decode(a, "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec3"
							     "30084be4"))) == 0,
	    "a credential without attestation is taken (WebAuthn 7.1)");
	ok(webauthn_created(a, &other, client, object, &got, NULL) == RC_FORBIDDEN,
	    "of another challenge it is not (step 8)");
	other = e;
	other.origin = "https://example.org:8444";
	ok(webauthn_created(a, &other, client, object, &got, NULL) == RC_FORBIDDEN, "nor of another origin (step 9)");
	other = e;
	other.rp_id = "example.com";
	ok(webauthn_created(a, &other, client, object, &got, NULL) == RC_FORBIDDEN, "nor for another site (step 13)");
	ok(webauthn_created(a, &e, client, changed(a, created_object, 62, 0x01), &got, NULL) == RC_FORBIDDEN,
	    "nor where nobody was there (step 14)");
	ok(webauthn_created(a, &e, client, changed(a, created_object, 62, 0x40), &got, NULL) == RC_FORBIDDEN,
	    "nor without a credential");
	ok(webauthn_created(a, &e, client, changed(a, created_object, 122, 0x01), &got, NULL) == RC_BAD_INPUT,
	    "nor of an algorithm that was not asked for (step 16)");
	for (size_t n = 0; n < object.n; n++)
		good = good && webauthn_created(a, &e, client, bytes_of(object.p, n), &got, NULL) != RC_OK;
	ok(good, "nor cut off anywhere");
	ok(webauthn_created(a, &e, hex_decode(a, asserted_client), object, &got, NULL) == RC_FORBIDDEN,
	    "an assertion's client data makes no credential (step 7)");
}

static void
asserted(struct arena *a, const struct webauthn_credential *k)
{
	struct webauthn_expected e = expect(a, asserted_challenge), other = expect(a, created_challenge);
	struct bytes client = hex_decode(a, asserted_client), data = hex_decode(a, asserted_data),
		     signature = hex_decode(a, asserted_signature);
	struct webauthn_credential another = *k;
	uint32_t counter = 7;
	uint8_t *key = (uint8_t *)(uintptr_t)arena_copy(a, k->public_key).p;
	bool good = true;

	ok(webauthn_asserted(a, &e, k, client, data, signature, &counter, NULL) == RC_OK && counter == 0,
	    "an assertion is checked (WebAuthn 7.2)");
	ok(webauthn_asserted(a, &other, k, client, data, signature, &counter, NULL) == RC_FORBIDDEN,
	    "to another challenge it counts for nothing (step 12)");
	for (size_t i = 0; i < data.n; i++)
		good = good && webauthn_asserted(a, &e, k, client, changed(a, asserted_data, i, 0x80), signature,
				   &counter, NULL) == RC_FORBIDDEN;
	ok(good, "each octet of the authenticator data is signed (step 20)");
	ok(webauthn_asserted(a, &e, k, client, data, changed(a, asserted_signature, 40, 1), &counter, NULL) ==
		RC_FORBIDDEN,
	    "and the signature is the credential's");
	ok(webauthn_asserted(a, &e, k, client, data, bytes_of(signature.p, signature.n - 1), &counter, NULL) ==
		RC_BAD_INPUT,
	    "what is no signature is none");
	key[10] ^= 1;
	another.public_key = bytes_of(key, k->public_key.n);
	ok(webauthn_asserted(a, &e, &another, client, data, signature, &counter, NULL) == RC_FORBIDDEN,
	    "a point that is not on the curve checks nothing");
	ok(webauthn_asserted(a, &e, k, client, changed(a, asserted_data, 32, 1), signature, &counter, NULL) ==
		RC_FORBIDDEN,
	    "where nobody was there it counts for nothing (step 16)");
}

static struct bytes
client_data(struct arena *a, const struct webauthn_expected *e, const char *type)
{
	return bytes_str(
	    arena_printf(a, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\",\"crossOrigin\":false}", type,
		e->challenge, e->origin));
}

static void
rs256(struct arena *a)
{
	struct webauthn_expected e = expect(a, rsa_challenge);
	struct bytes client = client_data(a, &e, "webauthn.create"), object = hex_decode(a, rsa_object),
		     data = hex_decode(a, SITE "0100000005"), signature = hex_decode(a, rsa_signature);
	struct webauthn_credential k, got;
	uint32_t counter = 0;
	bool good = true;

	ok(webauthn_created(a, &e, client, object, &k, NULL) == RC_OK, "a credential of RS256 is taken (RFC 8812 2)");
	for (size_t n = 0; n < object.n; n++)
		good = good && webauthn_created(a, &e, client, bytes_of(object.p, n), &got, NULL) != RC_OK;
	ok(good, "cut off anywhere it is not");
	ok(webauthn_created(a, &e, client, changed(a, rsa_object, RSA_ALG_AT, 0x01), &got, NULL) == RC_BAD_INPUT,
	    "nor an RSA key of another algorithm");
	client = client_data(a, &e, "webauthn.get");
	ok(webauthn_asserted(a, &e, &k, client, data, signature, &counter, NULL) == RC_OK && counter == 5,
	    "its assertion is checked (WebAuthn 7.2)");
	ok(webauthn_asserted(a, &e, &k, client, data, changed(a, rsa_signature, 200, 1), &counter, NULL) ==
		RC_FORBIDDEN,
	    "its signature must be its own");
	ok(webauthn_asserted(a, &e, &k, client, data, hex_decode(a, asserted_signature), &counter, NULL) ==
		RC_FORBIDDEN,
	    "one of ECDSA is none of RSA");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct webauthn_credential k;

	created(a, &k);
	asserted(a, &k);
	rs256(a);
	arena_free(a);
	return done();
}
