/* Declarative management as the wire has it (protocol 14, S-35): tokens, items, kinds and endpoints. Which
 * declarations there are for whom is the matter of desired/declarations.h. Pure. */
#ifndef DDM_DDM_H
#define DDM_DDM_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fmt/json.h"

#define DDM_IDENTIFIER_MAX 64 /* octets, of an Identifier and of a ServerToken */

enum ddm_kind { DDM_ACTIVATION, DDM_ASSET, DDM_CONFIGURATION, DDM_MANAGEMENT, DDM_KINDS };

struct ddm_declaration {
	enum ddm_kind kind;
	const char *identifier, *server_token;
};

/* Of a declaration's Type: "com.apple.configuration.legacy". RC_BAD_INPUT: of none. */
enum rc ddm_kind_of(const char *type, enum ddm_kind *out, struct err *e);

/* What a device asked for. */
enum ddm_endpoint { DDM_TOKENS, DDM_DECLARATION_ITEMS, DDM_DECLARATION, DDM_STATUS };
struct ddm_request {
	enum ddm_endpoint endpoint;
	enum ddm_kind kind; /* of DDM_DECLARATION, */
	const char *identifier; /* which may have slashes of its own */
};
enum rc ddm_request_parse(struct arena *a, const char *endpoint, struct ddm_request *out, struct err *e);

/* The DeclarationsToken over a set: it changes whenever the set or any of its ServerTokens does, whatever their
 * order. 43 characters; sorts `d`. */
char *ddm_declarations_token(struct arena *a, struct ddm_declaration *d, int n);

/* A ServerToken over whatever makes a declaration what it is. 43 characters. */
char *ddm_server_token(struct arena *a, const char *text);

/* Answers. `at` Unix seconds, when the token became this one. */
struct bytes ddm_tokens(struct arena *a, const char *declarations_token, int64_t at);
struct bytes ddm_items(struct arena *a, const struct ddm_declaration *d, int n, const char *declarations_token);
/* The whole declaration; `payload` is taken over. */
struct bytes ddm_declaration_text(
    struct arena *a, const char *type, const char *identifier, const char *server_token, json_t *payload);

#endif
