/* Reading what a provider says of somebody: at the sign-in, and for as long as it lasts. Room-private. */
#ifndef IDP_READ_H
#define IDP_READ_H

#include "account/id_token.h"
#include "idp/signin.h"

/* The ID token, checked with the provider's keys; fetched anew where they lack its own. `nonce` NULL: none was sent.
 * RC_FORBIDDEN: refused; *code and c->err say why. RC_UNAVAILABLE: the provider does not answer. */
enum rc idp_check_token(struct idp *i, struct call *c, const struct provider *p, const struct idp_tokens *tokens,
    const char *nonce, bool again, struct id_token *out, enum enroll_code *code);

/* Its claims by the provider's mapping. RC_FORBIDDEN likewise. */
enum rc idp_read_person(struct call *c, const struct provider *p, const struct id_token *token, struct idp_person *out,
    enum enroll_code *code);

/* Where the token had no room for the groups: asked for at the directory, with the access token that came beside it.
 * Of very many those are taken that something here asks for. No answer is no refusal: out->groups_unknown says why.
 * RC_UNAVAILABLE: the store. */
enum rc idp_read_groups(
    struct idp *i, struct call *c, const struct provider *p, const struct idp_tokens *tokens, struct idp_person *out);

/* The account's groups as the provider says them, and whether it may go on. Call inside a unit. RC_FORBIDDEN: *code. */
enum rc idp_up_to_date(struct call *c, const struct provider *p, const struct idp_person *who, const struct account *a,
    enum enroll_code *code);

/* What the provider gave, sealed; and back. */
enum rc idp_seal(struct call *c, const char *refresh_token, struct bytes *sealed); /* NULL: absent */
enum rc idp_unseal(struct call *c, struct bytes sealed, const char **refresh_token);

/* When to ask next: within the last part of the interval, as the provider's spread says. */
int64_t idp_next(const struct call *c, const struct provider *p);

#endif
