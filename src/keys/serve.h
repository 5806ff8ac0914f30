/* One request to the keys, and its answer. Serving is the same in the process that asks (tests, `postern init`) and in the
 * one beside the daemon, which holds to the table's last column besides: which names an operation is for. */
#ifndef KEYS_SERVE_H
#define KEYS_SERVE_H

#include "keys/message.h"
#include "keys/vault.h"

enum keys_op {
	KEYS_MAKE,
	KEYS_MAKE_SECRET,
	KEYS_PUT,
	KEYS_REMOVE,
	KEYS_PUT_CERTIFICATES,
	KEYS_CERTIFICATES,
	KEYS_CHANGED,
	KEYS_RELEASE,
	KEYS_PUBLIC,
	KEYS_SIGN,
	KEYS_ISSUE,
	KEYS_CMS_SIGN,
	KEYS_ENVELOPE_OPEN,
	KEYS_SCEP_ENVELOPE_OPEN,
	KEYS_SCEP_SIGN,
	KEYS_JWS,
	KEYS_SEAL,
	KEYS_UNSEAL,
	KEYS_FORGET,
	KEYS_OPS
};

/* `request` is the operation, the name (or context), and its arguments. `reply` gets the code, the sentence, and what the
 * operation gives; whatever the request is, there is a reply. `apart`: names are held to their purposes. */
void keys_serve(struct vault *v, struct arena *a, struct bytes request, bool apart, struct buf *reply);
void keys_serve_failed(enum rc rc, const char *text, struct buf *reply); /* that code and sentence alone */

/* The template of a certificate, both ways; strings stay in the message, lists in `a`. */
void message_template(struct buf *b, const struct x509_template *t);
void reading_template(struct reading *r, struct arena *a, struct x509_template *t);
/* What scep_sign needs of a message. */
void message_scep(struct buf *b, const struct scep_message *m);
void reading_scep(struct reading *r, struct scep_message *m);

#endif
