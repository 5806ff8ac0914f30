#include "desired/declarations.h"

#include <string.h>

#include "account/account.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "keys/keys.h"
#include "store/store.h"

#define ACTIVATION "postern.activation"
#define ACTIVATION_TYPE "com.apple.activation.simple"
#define STATUS "postern.status"
#define STATUS_TYPE "com.apple.configuration.management.status-subscriptions"
#define SEAL "profile-url"

/* What is asked to be told of, where mode and system have it. None of them tells the device or its owner. */
static const char *const subscriptions[] = { "device.operating-system.version", "device.operating-system.build-version",
	"app.managed.list", "passcode.is-compliant", "mdm.app", "management.client-capabilities", NULL };

/* ---- the server's own ---- */

static json_t *
status_payload(struct call *c, const struct policy_target *t)
{
	json_t *items = json_array();

	for (int i = 0; subscriptions[i] != NULL; i++) {
		struct policy_thing what = { .kind = POLICY_STATUS_ITEM, .name = subscriptions[i] };
		enum apple_mode verdict = policy_verdict(c->arena, t, &what, &c->err);

		if (verdict != APPLE_FORBIDDEN && verdict != APPLE_UNSTATED)
			json_array_append_new(items, json_pack("{s:s}", "Name", subscriptions[i]));
	}
	return json_pack("{s:o}", "StatusItems", items);
}

/* Is it named by an activation that the organization made? */
static enum rc
named_elsewhere(struct call *c, const struct desired_set *s, const char *identifier, bool *named)
{
	json_t *root;
	enum rc rc;

	*named = false;
	for (int i = 0; i < s->n_wanted; i++) {
		const struct wanted *x = &s->wanted[i];
		const json_t *item;
		size_t k;

		if (x->way != DESIRED_BY_DECLARATION || x->item->kind != DESIRED_DECLARATION ||
		    strcmp(x->item->type, ACTIVATION_TYPE) != 0)
			continue;
		if ((rc = desired_item_content(c, x->item)) != RC_OK ||
		    (rc = desired_item_json(c, x->item, &root)) != RC_OK)
			return rc;
		json_array_foreach(json_object_get(json_object_get(root, "Payload"), "StandardConfigurations"), k, item)
		{
			*named = *named ||
				 (json_string_value(item) != NULL && strcmp(json_string_value(item), identifier) == 0);
		}
	}
	return RC_OK;
}

/* A configuration takes effect only when an activation names it. */
static enum rc
activation_payload(struct call *c, const struct desired_set *s, json_t **out)
{
	json_t *names = json_keep(c->arena, json_array());
	enum ddm_kind kind;
	enum rc rc;
	bool named;

	for (int i = 0; i < s->n_wanted; i++) {
		const struct wanted *x = &s->wanted[i];

		if (x->way != DESIRED_BY_DECLARATION)
			continue;
		if ((rc = ddm_kind_of(desired_type(x->item), &kind, &c->err)) != RC_OK ||
		    (rc = named_elsewhere(c, s, x->identifier, &named)) != RC_OK)
			return rc;
		if (kind == DDM_CONFIGURATION && !named)
			json_array_append_new(names, json_string(x->identifier));
	}
	json_array_append_new(names, json_string(STATUS));
	*out = json_pack("{s:O}", "StandardConfigurations", names);
	return RC_OK;
}

static const char *
token_of_payload(struct call *c, json_t *payload)
{
	return ddm_server_token(c->arena, (const char *)json_text(c->arena, payload, 0).p);
}

/* ---- the set ---- */

static struct policy_target
target_of(const struct desired_set *s)
{
	return policy_target_of(s->e->mode, s->e->family, s->e->os_version, s->user_id[0] != '\0');
}

static enum rc
own(struct call *c, const struct desired_set *s, const char *identifier, const char **type, json_t **payload)
{
	struct policy_target t = target_of(s);
	enum rc rc = RC_OK;

	if (strcmp(identifier, STATUS) == 0) {
		*type = STATUS_TYPE;
		*payload = status_payload(c, &t);
	} else {
		*type = ACTIVATION_TYPE;
		rc = activation_payload(c, s, payload);
	}
	if (rc == RC_OK)
		json_keep(c->arena, *payload);
	return rc;
}

static enum rc
add_own(struct call *c, struct desired_set *s, const char *identifier)
{
	struct ddm_declaration *d = &s->declarations[s->n];
	const char *type;
	json_t *payload;
	enum rc rc = own(c, s, identifier, &type, &payload);

	if (rc != RC_OK)
		return rc;
	*d = (struct ddm_declaration){ .identifier = identifier, .server_token = token_of_payload(c, payload) };
	s->n++;
	return ddm_kind_of(type, &d->kind, &c->err);
}

enum rc
desired_set_make(
    struct call *c, struct desired_wishes *w, const struct enrollment *e, const char *user_id, struct desired_set *out)
{
	enum rc rc;

	*out = (struct desired_set){ .e = e, .user_id = user_id };
	if ((rc = desired_wanted(c, w, e, user_id, &out->wanted, &out->n_wanted)) != RC_OK)
		return rc;
	out->declarations = arena_array(c->arena, (size_t)out->n_wanted + 2, sizeof *out->declarations);
	for (int i = 0; i < out->n_wanted; i++) {
		const struct wanted *x = &out->wanted[i];
		struct ddm_declaration *d = &out->declarations[out->n];

		if (x->way != DESIRED_BY_DECLARATION)
			continue;
		*d = (struct ddm_declaration){ .identifier = x->identifier, .server_token = x->server_token };
		if ((rc = ddm_kind_of(desired_type(x->item), &d->kind, &c->err)) != RC_OK)
			return rc;
		out->n++;
	}
	if (out->n > 0 && ((rc = add_own(c, out, STATUS)) != RC_OK || (rc = add_own(c, out, ACTIVATION)) != RC_OK))
		return rc;
	out->token = ddm_declarations_token(c->arena, out->declarations, out->n);
	return RC_OK;
}

/* ---- one of them ---- */

/* Beside the endpoints, on the host that the device knows. The path opens for whoever was given it: a device proves
 * itself by a signature over what it sends, and a GET sends nothing. */
static enum rc
profile_url(struct call *c, const struct desired_set *s, const struct wanted *x, const char **out)
{
	const char *at = strstr(s->e->server_url, "/mdm/");
	struct bytes sealed;
	enum rc rc = keys_seal(c->keys, c->arena, SEAL,
	    bytes_str(arena_printf(c->arena, "%s %s %s", s->e->id, x->server_token, s->user_id)), &sealed, &c->err);

	if (rc != RC_OK)
		return rc;
	if (at == NULL)
		return fail(&c->err, RC_INTERNAL, "the ServerURL of enrollment %s has no /mdm/", s->e->id);
	*out = arena_printf(c->arena, "%.*s/mdm/%s/profile/%s", (int)(at - s->e->server_url), s->e->server_url,
	    s->e->organization_id, base64url_encode(c->arena, sealed));
	return RC_OK;
}

static enum rc
carried(struct call *c, const struct desired_set *s, const struct wanted *x, struct bytes *out)
{
	const char *url = NULL;
	json_t *payload;
	enum rc rc;

	if ((rc = desired_item_content(c, x->item)) != RC_OK)
		return rc;
	payload = desired_payload(c->arena, x->item, x->optional);
	if (x->item->kind == DESIRED_PROFILE) {
		json_keep(c->arena, payload);
		if ((rc = profile_url(c, s, x, &url)) != RC_OK)
			return rc;
		payload = json_pack("{s:s}", "ProfileURL", url);
	}
	*out = ddm_declaration_text(c->arena, desired_type(x->item), x->identifier, x->server_token, payload);
	return RC_OK;
}

enum rc
desired_set_text(
    struct call *c, const struct desired_set *s, enum ddm_kind kind, const char *identifier, struct bytes *out)
{
	const struct ddm_declaration *d = NULL;
	const char *type;
	json_t *payload;
	enum rc rc;

	for (int i = 0; i < s->n && d == NULL; i++) {
		if (s->declarations[i].kind == kind && strcmp(s->declarations[i].identifier, identifier) == 0)
			d = &s->declarations[i];
	}
	if (d == NULL)
		return fail(&c->err, RC_NOT_FOUND, "no declaration %.64s is for this device", identifier);
	for (int i = 0; i < s->n_wanted; i++) {
		const struct wanted *x = &s->wanted[i];

		if (x->way == DESIRED_BY_DECLARATION && strcmp(x->identifier, identifier) == 0)
			return carried(c, s, x, out);
	}
	if ((rc = own(c, s, identifier, &type, &payload)) == RC_OK)
		*out = ddm_declaration_text(c->arena, type, identifier, d->server_token, json_incref(payload));
	return rc;
}

/* ---- profiles by their URL ---- */

static enum rc
gone(struct call *c)
{
	return fail(&c->err, RC_NOT_FOUND, "this link is of no profile that a device should have");
}

struct link {
	char *enrollment_id, *server_token, *user_id;
};

/* RC_BAD_INPUT: it is none of ours. */
static enum rc
open_link(struct call *c, const char *sealed, struct link *out)
{
	struct bytes octets = base64url_decode(c->arena, bytes_str(sealed)), plain;
	enum rc rc;

	if (octets.p == NULL)
		return RC_BAD_INPUT;
	if ((rc = keys_unseal(c->keys, c->arena, SEAL, octets, &plain, &c->err)) != RC_OK)
		return rc;
	out->enrollment_id = arena_strndup(c->arena, (const char *)plain.p, plain.n);
	if ((out->server_token = strchr(out->enrollment_id, ' ')) == NULL)
		return RC_BAD_INPUT;
	*out->server_token++ = '\0';
	if ((out->user_id = strchr(out->server_token, ' ')) == NULL)
		return RC_BAD_INPUT;
	*out->user_id++ = '\0';
	return RC_OK;
}

/* Nothing is given to who left, is to leave, or may not sign in. */
static enum rc
link_enrollment(struct call *c, const char *id, struct bytes client_certificate, struct enrollment *e)
{
	struct account person;
	enum rc rc = enrollment_get(c, id, e);

	if (rc == RC_OK && (!ENROLLMENT_LIVE(e) || strcmp(e->state, "evicting") == 0))
		return gone(c);
	if (rc == RC_OK && client_certificate.n > 0 &&
	    !bytes_eq(crypto_sha256(c->arena, client_certificate), e->certificate_fp))
		return gone(c);
	if (rc == RC_OK)
		rc = account_get(c, e->account_id, &person);
	if (rc == RC_NOT_FOUND || (rc == RC_OK && person.disabled_at != 0))
		return gone(c);
	return rc;
}

enum rc
desired_profile_by_url(struct call *c, const char *sealed, struct bytes client_certificate, struct bytes *out)
{
	struct desired_wishes w;
	struct enrollment e;
	struct wanted *wanted;
	struct link link;
	enum rc rc;
	int n;

	if ((rc = open_link(c, sealed, &link)) != RC_OK)
		return rc == RC_UNAVAILABLE ? rc : gone(c);
	if ((rc = link_enrollment(c, link.enrollment_id, client_certificate, &e)) != RC_OK ||
	    (rc = desired_wishes_read(c, e.organization_id, &w)) != RC_OK ||
	    (rc = desired_wanted(c, &w, &e, link.user_id, &wanted, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (wanted[i].way != DESIRED_BY_DECLARATION || strcmp(wanted[i].server_token, link.server_token) != 0)
			continue;
		rc = desired_item_content(c, wanted[i].item);
		*out = wanted[i].item->content;
		return rc;
	}
	return gone(c);
}
