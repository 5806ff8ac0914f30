-- An enrollment that ended says no more which device it was; from now on its end sees to that (enroll/end.c).
UPDATE enrollment SET device_id = NULL, device_name = NULL, serial_number = NULL, imei = NULL, meid = NULL
  WHERE ended_at IS NOT NULL;
UPDATE command SET answer = NULL WHERE answer IS NOT NULL
  AND enrollment_id IN (SELECT id FROM enrollment WHERE ended_at IS NOT NULL);
DELETE FROM provider_session WHERE attempt_id IN
  (SELECT a.id FROM attempt a JOIN enrollment e ON e.id = a.enrollment_id WHERE e.ended_at IS NOT NULL);
