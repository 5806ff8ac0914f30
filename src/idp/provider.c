#include "idp/provider.h"

#include <string.h>

#include "account/account.h"
#include "account/organization.h"
#include "account/policy.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "idp/assertion.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "identity-provider"
#define INTERVAL_S (4 * 3600)
#define GRACE_S (24 * 3600)
#define TEXT_MAX 512 /* octets of any of its texts */

/* clang-format off */
static const struct provider_preset presets[] = {
	{
		.kind = "google", .name = "Google", .issuer = "https://accounts.google.com",
		.scope = "openid email profile", .user_claim = "email", .tenant_claim = "hd", .tenant_needed = true,
		.email_verified = "email_verified", .more = "&access_type=offline",
		.notices = "Google tells of no sign-out and has no groups in its tokens, and it does not say when a person last"
			   " typed a password: that an account was suspended is noticed when its refresh token is next used;"
			   " groups are kept here (postern user groups)",
	},
	{
		.kind = "entra", .name = "Microsoft", .issuer = "https://login.microsoftonline.com/{tenant}/v2.0",
		.scope = "openid profile email offline_access User.Read", .user_claim = "preferred_username",
		.user_else = "upn", .id_claim = "oid",
		.groups_claim = "groups", .directory = "https://graph.microsoft.com", .directory_path = "/v1.0/me/getMemberObjects", .tenant_claim = "tid", .tenant_needed = true, .tells_auth_time = false,
		.notices = "Entra ID tells of no sign-out: that an account was disabled is noticed when its refresh token is next"
			   " used. Of a person in more than 200 groups its token names none: Microsoft Graph is asked for them, at each"
			   " sign-in and each time after; while it does not say them, they stay as they were, and nobody new gets in"
			   " where a group is needed",
	},
	{
		.kind = "oidc", .name = "your organization\xe2\x80\x99s sign-in", .scope = "openid profile email offline_access",
		.user_claim = "email", .tells_auth_time = true, .email_verified = "email_verified",
		.notices = "that an account was disabled is noticed when its refresh token is next used",
	},
};
/* clang-format on */

#define COLUMNS \
	"id, organization_id, kind, name, domain, issuer, client_id, client_auth, client_secret, tenant, scope," \
	" user_claim, apple_account, groups_claim, again, creates, redirects, ca, created_at, group_needed, " \
	"interval_s," \
	" grace_s, longest_s, directory, key_id"

const struct provider_preset *
provider_preset_at(int i)
{
	return i >= 0 && (size_t)i < sizeof presets / sizeof presets[0] ? &presets[i] : NULL;
}

const struct provider_preset *
provider_preset(const char *kind)
{
	for (size_t i = 0; kind != NULL && i < sizeof presets / sizeof presets[0]; i++) {
		if (strcmp(presets[i].kind, kind) == 0)
			return &presets[i];
	}
	return NULL;
}

char *
provider_redirect_uri(const struct call *c)
{
	return arena_printf(c->arena, "%s" PROVIDER_CALLBACK, c->conf->url);
}

/* ---- making one ---- */

/* One line, printable, and not too long. */
static bool
line_ok(const char *text)
{
	if (text == NULL || text[0] == '\0' || strlen(text) > TEXT_MAX)
		return false;
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return false;
	}
	return true;
}

static bool
one_of(const char *const *words, const char *word)
{
	for (; *words != NULL; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

/* {tenant} in a preset's issuer. */
static const char *
issuer_of(struct arena *a, const char *pattern, const char *tenant)
{
	const char *at = strstr(pattern, "{tenant}");

	if (at == NULL)
		return pattern;
	return arena_printf(a, "%.*s%s%s", (int)(at - pattern), pattern, tenant, at + strlen("{tenant}"));
}

static enum rc
check_issuer(struct call *c, const char *issuer, bool lab)
{
	struct uri u;

	if (issuer == NULL)
		return fail(&c->err, RC_BAD_INPUT, "the provider needs its issuer: --issuer https://...");
	if (!line_ok(issuer) || uri_parse(c->arena, issuer, &u, &c->err) != RC_OK || u.query != NULL)
		return fail(
		    &c->err, RC_BAD_INPUT, "an issuer is an https URL without a query, of at most %d octets", TEXT_MAX);
	if (strcmp(u.scheme, "https") != 0 && !lab)
		return fail(
		    &c->err, RC_BAD_INPUT, "the issuer must be https: http is for organizations made with --lab");
	return RC_OK;
}

/* Microsoft's other clouds have servers of their own. That one is asked, whatever a token says. */
static enum rc
check_directory(struct call *c, const struct provider *p, const struct provider_preset *preset, bool lab)
{
	struct uri u;

	if (p->directory == NULL || strcmp(p->directory, "none") == 0)
		return RC_OK;
	if (preset->directory == NULL)
		return fail(&c->err, RC_BAD_INPUT, "a provider of the kind %s has no directory to ask", p->kind);
	if (!line_ok(p->directory) || uri_parse(c->arena, p->directory, &u, &c->err) != RC_OK || u.query != NULL ||
	    strcmp(u.path, "/") != 0 || p->directory[strlen(p->directory) - 1] == '/' ||
	    (strcmp(u.scheme, "https") != 0 && !lab))
		return fail(&c->err, RC_BAD_INPUT, "a directory is a server: https://graph.microsoft.com, or none");
	return RC_OK;
}

static enum rc
check_texts(struct call *c, const struct provider *p)
{
	const struct {
		const char *name, *text;
		bool needed;
	} texts[] = {
		{ "name", p->name, true },
		{ "client id", p->client_id, true },
		{ "scope", p->scope, true },
		{ "user claim", p->user_claim, true },
		{ "tenant", p->tenant, false },
		{ "Managed Apple Account", p->apple_account, false },
		{ "groups claim", p->groups_claim, false },
		{ "needed group", p->group_needed, false },
		{ "key id", p->key_id, false },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i].text == NULL ? texts[i].needed : !line_ok(texts[i].text))
			return fail(&c->err, RC_BAD_INPUT, "the provider's %s is one line of 1 to %d octets",
			    texts[i].name, TEXT_MAX);
	}
	return RC_OK;
}

/* What shows the provider who we are. */
static enum rc
check_secret(struct call *c, const struct provider *p, const char *secret)
{
	static const char *const auths[] = { "client_secret_basic", "client_secret_post", "private_key_jwt", "none",
		NULL };
	const char *assertion;

	if (!one_of(auths, p->client_auth))
		return fail(&c->err, RC_BAD_INPUT,
		    "client authentication is client_secret_basic, client_secret_post, private_key_jwt or none");
	if ((strcmp(p->client_auth, "none") == 0) != (secret == NULL))
		return fail(&c->err, RC_BAD_INPUT,
		    "the provider needs a client secret: --client-secret-file F, or"
		    " --key-file F, or --client-auth none for a client without one");
	if (secret == NULL)
		return RC_OK;
	if (strcmp(p->client_auth, "private_key_jwt") == 0)
		return strlen(secret) <= IDP_KEY_MAX
			   ? idp_assertion(c, p, secret, p->issuer, &assertion)
			   : fail(&c->err, RC_TOO_LARGE, "a key is PEM of at most %d octets", IDP_KEY_MAX);
	if (strlen(secret) > PROVIDER_SECRET_MAX || strpbrk(secret, "\r\n") != NULL)
		return fail(
		    &c->err, RC_BAD_INPUT, "a client secret is one line of at most %d octets", PROVIDER_SECRET_MAX);
	return RC_OK;
}

static enum rc
check(struct call *c, struct provider *p, const struct provider_preset *preset, const char *secret, bool lab)
{
	static const char *const agains[] = { "login", "session", NULL };
	enum rc rc;

	if (preset->tenant_needed && p->tenant == NULL)
		return fail(&c->err, RC_BAD_INPUT,
		    "a provider of the kind %s needs --tenant, which its %s must say: without"
		    " it anybody with an account there could sign in",
		    p->kind, preset->tenant_claim);
	if ((rc = check_texts(c, p)) != RC_OK || (rc = check_issuer(c, p->issuer, lab)) != RC_OK ||
	    (rc = check_directory(c, p, preset, lab)) != RC_OK)
		return rc;
	if (!one_of(agains, p->again))
		return fail(&c->err, RC_BAD_INPUT, "signing in again takes login or session");
	if ((rc = check_secret(c, p, secret)) != RC_OK)
		return rc;
	return strstr(p->scope, "openid") != NULL
		   ? RC_OK
		   : fail(&c->err, RC_BAD_INPUT, "the scope must have openid in it: without it there is no ID token");
}

static void
fill_in(struct call *c, struct provider *p, const struct provider_preset *preset)
{
	const struct {
		const char **field, *from;
	} rows[] = {
		{ &p->name, preset->name },
		{ &p->scope, preset->scope },
		{ &p->user_claim, preset->user_claim },
		{ &p->groups_claim, preset->groups_claim },
		{ &p->directory, preset->directory },
		{ &p->client_auth, "client_secret_basic" },
		{ &p->again, "login" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (*rows[i].field == NULL)
			*rows[i].field = rows[i].from;
	}
	if (p->issuer == NULL && preset->issuer != NULL && (p->tenant != NULL || !preset->tenant_needed))
		p->issuer = issuer_of(c->arena, preset->issuer, p->tenant);
	if (p->interval_s <= 0)
		p->interval_s = INTERVAL_S;
	if (p->grace_s < 0)
		p->grace_s = GRACE_S;
	if (p->domain != NULL)
		p->domain = account_fold(c->arena, p->domain);
}

static enum rc
insert(struct call *c, void *arg)
{
	const struct provider *p = arg;
	struct db_rows r;
	enum rc rc;

	if (p->domain != NULL) {
		rc = store_run(c, "SELECT 1 FROM domain WHERE name = ?1 AND organization_id = ?2",
		    DB_ARGS(db_text(p->domain), db_text(p->organization_id)), &r);
		if (rc != RC_OK)
			return rc;
		if (r.rows == 0)
			return fail(&c->err, RC_NOT_FOUND, "%.200s is no domain of %s (postern domain list)", p->domain,
			    p->organization_id);
	}
	rc = store_run(c,
	    "SELECT COUNT(*), SUM(CASE WHEN COALESCE(domain, '') = ?2 THEN 1 ELSE 0 END)"
	    " FROM identity_provider WHERE organization_id = ?1",
	    DB_ARGS(db_text(p->organization_id), db_text(p->domain != NULL ? p->domain : "")), &r);
	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= PROVIDERS_MAX)
		return fail(&c->err, RC_TOO_LARGE, "an organization has %d identity providers at most", PROVIDERS_MAX);
	if (db_get_int(&r, 0, 1) > 0)
		return fail(&c->err, RC_CONFLICT, "there is a provider for %s already (postern idp list)",
		    p->domain != NULL ? p->domain : "all domains");
	return store_run(c,
	    "INSERT INTO identity_provider (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
	    " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
	    DB_ARGS(db_text(p->id), db_text(p->organization_id), db_text(p->kind), db_text(p->name), db_text(p->domain),
		db_text(p->issuer), db_text(p->client_id), db_text(p->client_auth), db_blob(p->client_secret),
		db_text(p->tenant), db_text(p->scope), db_text(p->user_claim), db_text(p->apple_account),
		db_text(p->groups_claim), db_text(p->again), db_int(p->creates), db_int(p->redirects), db_blob(p->ca),
		db_int(p->created_at), db_text(p->group_needed), db_int(p->interval_s), db_int(p->grace_s),
		db_int(p->longest_s), db_text(p->directory), db_text(p->key_id)),
	    NULL);
}

static enum rc
seal_secret(struct call *c, struct provider *p, const char *secret)
{
	p->client_secret = (struct bytes){ 0 };
	return secret != NULL ? keys_seal(c->keys, c->arena, CONTEXT, bytes_str(secret), &p->client_secret, &c->err)
			      : RC_OK;
}

enum rc
provider_add(struct call *c, struct provider *p, const char *secret, bool lab)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	enum rc rc;

	if (preset == NULL)
		return fail(&c->err, RC_BAD_INPUT, "a provider is google, entra or oidc");
	fill_in(c, p, preset);
	if ((rc = check(c, p, preset, secret, lab)) != RC_OK)
		return rc;
	if ((rc = seal_secret(c, p, secret)) != RC_OK)
		return rc;
	p->id = crypto_id(c->arena);
	p->created_at = c->now;
	return store_part(c, insert, p);
}

enum rc
provider_change(struct call *c, struct provider *p, const char *secret, bool lab)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	bool has_one = strcmp(p->client_auth, "none") != 0;
	struct db_rows r;
	enum rc rc = RC_OK;

	fill_in(c, p, preset);
	if (secret == NULL && has_one)
		rc = provider_secret(c, p, &secret);
	if (rc != RC_OK || (rc = check(c, p, preset, secret, lab)) != RC_OK ||
	    (rc = seal_secret(c, p, secret)) != RC_OK)
		return rc;
	rc = store_run(c,
	    "UPDATE identity_provider SET name = ?2, client_auth = ?3, client_secret = ?4, scope = ?5, user_claim = ?6,"
	    " apple_account = ?7, groups_claim = ?8, again = ?9, creates = ?10, redirects = ?11, ca = ?12,"
	    " group_needed = ?13, interval_s = ?14, grace_s = ?15, longest_s = ?16, directory = ?17, key_id = ?18 "
	    "WHERE id = ?1",
	    DB_ARGS(db_text(p->id), db_text(p->name), db_text(p->client_auth), db_blob(p->client_secret),
		db_text(p->scope), db_text(p->user_claim), db_text(p->apple_account), db_text(p->groups_claim),
		db_text(p->again), db_int(p->creates), db_int(p->redirects), db_blob(p->ca), db_text(p->group_needed),
		db_int(p->interval_s), db_int(p->grace_s), db_int(p->longest_s), db_text(p->directory),
		db_text(p->key_id)),
	    &r);
	return rc != RC_OK || r.changed > 0 ? rc
					    : fail(&c->err, RC_NOT_FOUND, "there is no identity provider %.60s", p->id);
}

/* ---- reading ---- */

static void
read_row(const struct db_rows *r, int row, struct provider *p)
{
	*p = (struct provider){
		.id = db_get_text(r, row, 0),
		.organization_id = db_get_text(r, row, 1),
		.kind = db_get_text(r, row, 2),
		.name = db_get_text(r, row, 3),
		.domain = db_get_text(r, row, 4),
		.issuer = db_get_text(r, row, 5),
		.client_id = db_get_text(r, row, 6),
		.client_auth = db_get_text(r, row, 7),
		.client_secret = db_get_blob(r, row, 8),
		.tenant = db_get_text(r, row, 9),
		.scope = db_get_text(r, row, 10),
		.user_claim = db_get_text(r, row, 11),
		.apple_account = db_get_text(r, row, 12),
		.groups_claim = db_get_text(r, row, 13),
		.again = db_get_text(r, row, 14),
		.creates = db_get_int(r, row, 15) != 0,
		.redirects = db_get_int(r, row, 16) != 0,
		.ca = db_get_blob(r, row, 17),
		.created_at = db_get_int(r, row, 18),
		.group_needed = db_get_text(r, row, 19),
		.interval_s = db_get_int(r, row, 20),
		.grace_s = db_get_int(r, row, 21),
		.longest_s = db_get_int(r, row, 22),
		.directory = db_get_text(r, row, 23),
		.key_id = db_get_text(r, row, 24),
	};
}

enum rc
provider_get(struct call *c, const char *id, struct provider *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT " COLUMNS " FROM identity_provider WHERE id = ?1", DB_ARGS(db_text(id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no identity provider %.60s (postern idp list)", id);
	read_row(&r, 0, out);
	return RC_OK;
}

enum rc
provider_list(struct call *c, const char *organization_id, struct provider **out, int *n)
{
	struct db_rows r;
	enum rc rc =
	    store_run(c, "SELECT " COLUMNS " FROM identity_provider WHERE organization_id = ?1 ORDER BY created_at, id",
		DB_ARGS(db_text(organization_id)), &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		read_row(&r, *n, &(*out)[*n]);
	return RC_OK;
}

enum rc
provider_for(struct call *c, const char *organization_id, const char *identifier, struct provider *out)
{
	const char *domain = identifier != NULL ? strrchr(identifier, '@') : NULL;
	struct db_rows r;
	enum rc rc;

	/* NULL sorts differently in the two engines: the one with a domain is asked for by name. */
	rc = store_run(c,
	    "SELECT " COLUMNS " FROM identity_provider WHERE organization_id = ?1"
	    " AND (domain IS NULL OR domain = ?2) ORDER BY COALESCE(domain, '') DESC LIMIT 1",
	    DB_ARGS(db_text(organization_id), db_text(domain != NULL ? account_fold(c->arena, domain + 1) : "")), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "nobody else signs these people in");
	read_row(&r, 0, out);
	return RC_OK;
}

const char *
provider_user_else(struct arena *a, const struct provider *p)
{
	const struct provider_preset *preset = provider_preset(p->kind);

	if (preset->user_else == NULL || strcmp(p->user_claim, preset->user_claim) != 0)
		return NULL;
	return p->domain == NULL ? preset->user_else
				 : arena_printf(a, "%s, %s@%s", preset->user_else, preset->id_claim, p->domain);
}

enum rc
provider_narrow(struct call *c, struct provider *p, const char *account_id)
{
	struct organization o;
	struct policy groups;
	enum rc rc;

	if ((rc = organization_get(c, p->organization_id, &o)) != RC_OK ||
	    (rc = policy_of(c, o.id, account_id, &groups)) != RC_OK)
		return rc;
	p->grace_s = policy_hold(&groups, POLICY_GRACE, p->grace_s, NULL);
	p->longest_s = policy_hold(&groups, POLICY_LONGEST, p->longest_s > 0 ? p->longest_s : INT64_MAX, NULL);
	if (p->longest_s == INT64_MAX)
		p->longest_s = 0;
	p->spread = policy_hold(&groups, POLICY_SPREAD, o.spread, NULL);
	return RC_OK;
}

enum rc
provider_secret(struct call *c, const struct provider *p, const char **secret)
{
	struct bytes plain;
	enum rc rc;

	*secret = NULL;
	if (p->client_secret.p == NULL)
		return RC_OK;
	if ((rc = keys_unseal(c->keys, c->arena, CONTEXT, p->client_secret, &plain, &c->err)) != RC_OK)
		return fail_in(&c->err, rc, "client secret of %s", p->id);
	*secret = arena_strndup(c->arena, (const char *)plain.p, plain.n);
	return RC_OK;
}

static enum rc
remove_one(struct call *c, void *arg)
{
	static const char *const sql[] = { "DELETE FROM provider_session WHERE provider_id = ?1",
		"DELETE FROM account_identity WHERE provider_id = ?1", "DELETE FROM identity_provider WHERE id = ?1" };
	const char *id = arg;
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < sizeof sql / sizeof sql[0] && rc == RC_OK; i++)
		rc = store_run(c, sql[i], DB_ARGS(db_text(id)), &r);
	if (rc == RC_OK && r.changed == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no identity provider %.60s (postern idp list)", id);
	return rc;
}

enum rc
provider_remove(struct call *c, const char *id)
{
	return store_part(c, remove_one, (void *)(uintptr_t)id);
}
