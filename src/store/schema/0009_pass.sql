-- What lets a device in at one look (enroll/pass.h): a poll reads the enrollment's row and nothing else.
ALTER TABLE enrollment ADD COLUMN pass_hash BYTEA; -- SHA-256 of the access token that was used last; NULL: no pass
ALTER TABLE enrollment ADD COLUMN pass_until BIGINT; -- when that token expires
ALTER TABLE enrollment ADD COLUMN pass_key BYTEA; -- raw_key of the certificate in certificate_fp
-- By its first octets, which are as random as all of them: a fifth of the pages.
CREATE INDEX enrollment_certificate ON enrollment (substr(certificate_fp, 1, 8)) WHERE certificate_fp IS NOT NULL;
