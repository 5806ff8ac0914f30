#include "idp/breaker.h"

bool
idp_breaker_lets(struct idp_breaker *b, int64_t now)
{
	if (b->rests_until > now)
		return false;
	if (b->failures >= IDP_FAILURES)
		b->rests_until = now + IDP_REST_S;
	return true;
}

void
idp_breaker_heard(struct idp_breaker *b, int64_t now, bool answered)
{
	b->failures = answered ? 0 : b->failures + 1;
	b->rests_until = b->failures >= IDP_FAILURES ? now + IDP_REST_S : 0;
}
