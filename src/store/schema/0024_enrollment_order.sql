-- Enrollments of one second, too, are gone through in an order, piece by piece.
DROP INDEX enrollment_recent;
CREATE INDEX enrollment_recent ON enrollment (organization_id, created_at, id);
