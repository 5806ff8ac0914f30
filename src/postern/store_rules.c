/* What must hold between tables, in the words of a rule and of a query that finds what breaks it. Units keep all of
 * them; a database that breaks one was changed by other hands, or shows a mistake of ours. */
#include "postern/store_rules.h"

#include <stddef.h>

#define LIVE "e.state IN ('enrolled', 'reauth', 'evicting')"
#define ENDED "e.state IN ('unenrolled', 'evicted', 'replaced')"

/* clang-format off */
const struct store_rule store_rules[] = {
	{ "an enrolled device has an identity, a channel and a sign-in of its own",
	  "SELECT e.id FROM enrollment e WHERE " LIVE " AND (e.device_id IS NULL OR e.enrolled_at IS NULL"
	  " OR e.ended_at IS NOT NULL"
	  " OR NOT EXISTS (SELECT 1 FROM channel c WHERE c.enrollment_id = e.id AND c.user_id = '')"
	  " OR NOT EXISTS (SELECT 1 FROM certificate x WHERE x.fingerprint = e.certificate_fp AND x.enrollment_id = e.id)"
	  " OR NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.id = e.grant_id AND g.enrollment_id = e.id))" },
	{ "a pending enrollment has no channel",
	  "SELECT e.id FROM enrollment e WHERE e.state = 'pending' AND (e.enrolled_at IS NOT NULL"
	  " OR EXISTS (SELECT 1 FROM channel c WHERE c.enrollment_id = e.id))" },
	{ "an enrollment that ended has neither a queue nor a living sign-in",
	  "SELECT e.id FROM enrollment e WHERE " ENDED " AND (e.ended_at IS NULL"
	  " OR EXISTS (SELECT 1 FROM command m WHERE m.enrollment_id = e.id AND m.answered_at IS NULL)"
	  " OR EXISTS (SELECT 1 FROM oauth_grant g WHERE g.enrollment_id = e.id AND g.revoked_at IS NULL))" },
	{ "a pass is for a living sign-in with a good certificate, and for a token of it",
	  "SELECT e.id FROM enrollment e WHERE e.pass_hash IS NOT NULL AND (e.ended_at IS NOT NULL"
	  " OR NOT EXISTS (SELECT 1 FROM oauth_grant g JOIN account a ON a.id = g.account_id WHERE g.id = e.grant_id"
	  "  AND g.enrollment_id = e.id AND g.account_id = e.account_id AND g.confirmed = 1 AND g.revoked_at IS NULL"
	  "  AND a.disabled_at IS NULL)"
	  " OR NOT EXISTS (SELECT 1 FROM certificate x WHERE x.fingerprint = e.certificate_fp AND x.enrollment_id = e.id"
	  "  AND x.revoked_at IS NULL AND x.raw_key = e.pass_key)"
	  " OR EXISTS (SELECT 1 FROM oauth_token t WHERE t.hash = e.pass_hash"
	  "  AND (t.grant_id <> e.grant_id OR t.expires_at <> e.pass_until)))" },
	{ "the token in an enrollment's row is that of its device channel",
	  "SELECT e.id FROM enrollment e LEFT JOIN desired_state s ON s.enrollment_id = e.id AND s.user_id = ''"
	  " WHERE COALESCE(e.declarations_token, '') <> COALESCE(s.declarations_token, '')" },
	{ "a device has one living enrollment",
	  "SELECT device_id FROM enrollment WHERE ended_at IS NULL AND device_id IS NOT NULL"
	  " GROUP BY organization_id, device_id HAVING COUNT(*) > 1" },
	{ "a command is queued with what is to be delivered, or answered with a status",
	  "SELECT m.uuid FROM command m WHERE (m.answered_at IS NULL) <> (m.status IS NULL)"
	  " OR (m.answered_at IS NULL AND m.payload IS NULL)" },
	{ "a command belongs to a device that can fetch it",
	  "SELECT m.uuid FROM command m WHERE m.answered_at IS NULL AND NOT EXISTS"
	  " (SELECT 1 FROM enrollment e WHERE e.id = m.enrollment_id AND e.ended_at IS NULL)" },
	{ "a certificate has its enrollment",
	  "SELECT x.serial FROM certificate x WHERE NOT EXISTS (SELECT 1 FROM enrollment e WHERE e.id = x.enrollment_id)" },
	{ "a token has its sign-in",
	  "SELECT t.grant_id FROM oauth_token t WHERE NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.id = t.grant_id)" },
	{ "an enrollment has its person, and a person and a rule their organization",
	  "SELECT e.id FROM enrollment e WHERE e.ended_at IS NULL"
	  " AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = e.account_id)"
	  " UNION ALL SELECT a.id FROM account a WHERE NOT EXISTS"
	  " (SELECT 1 FROM organization o WHERE o.id = a.organization_id)"
	  " UNION ALL SELECT r.id FROM rule r WHERE NOT EXISTS (SELECT 1 FROM organization o WHERE o.id = r.organization_id)" },
	{ "an attempt has no more events than it counts",
	  "SELECT a.id FROM attempt a WHERE a.events < (SELECT COUNT(*) FROM event v WHERE v.attempt_id = a.id)" },
	{ NULL, NULL },
};
/* clang-format on */
