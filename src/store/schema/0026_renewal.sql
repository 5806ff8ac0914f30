-- When the identity certificate in use is to be renewed (enroll/renewal.c). Those of before have theirs a month and a half
-- before the end.
ALTER TABLE enrollment ADD COLUMN renew_at BIGINT;
UPDATE enrollment SET renew_at = (SELECT k.not_after - 3888000 FROM certificate k
  WHERE k.fingerprint = enrollment.certificate_fp) WHERE ended_at IS NULL AND certificate_fp IS NOT NULL;
CREATE INDEX enrollment_renew ON enrollment (renew_at) WHERE renew_at IS NOT NULL;
