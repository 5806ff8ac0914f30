/* The rows of the page of numbers (metrics/page.c, docs/metrics.md). Add rows, rename none: dashboards know them.
 *
 * X(name, type, labels, help, what writes its lines) */
#ifndef METRICS_FAMILY_TABLE_H
#define METRICS_FAMILY_TABLE_H

/* clang-format off */
/* Of this process: each node has its own. */
#define METRICS_OF_PROCESS(X) \
X("postern_build_info", "gauge", "version, engine", \
  "Version and database engine; always 1.", build_info) \
X("postern_start_time_seconds", "gauge", "", \
  "When this process began to serve, in Unix seconds.", started) \
X("postern_http_requests_total", "counter", "method, route, code", \
  "Requests that a route took, by the status of the answer.", requests) \
X("postern_http_request_duration_seconds", "histogram", "method, route", \
  "From the last octet of a request to its finished answer, waiting for a worker included.", request_times) \
X("postern_http_refused_total", "counter", "", \
  "Requests that no route took (malformed, unknown, too large, no room), and connections over a limit.", refused) \
X("postern_http_connections", "gauge", "", \
  "Open connections.", connections) \
X("postern_http_body_bytes", "gauge", "", \
  "Memory of request bodies.", body_octets) \
X("postern_http_queue_length", "gauge", "class", \
  "Requests that wait for a worker.", queued) \
X("postern_http_workers", "gauge", "class", \
  "Worker threads.", workers) \
X("postern_http_workers_busy", "gauge", "class", \
  "Worker threads that are at work.", busy) \
X("postern_store_unit_duration_seconds", "histogram", "", \
  "Units of work, with the wait for the disk.", units) \
X("postern_store_unit_retries_total", "counter", "", \
  "Runs of units that had to be repeated.", again) \
X("postern_store_commits_total", "counter", "result", \
  "Commits. Units for each commit is the size of a group.", commits) \
X("postern_store_up", "gauge", "", \
  "0: the database did not answer, and its numbers are not on this page.", up) \
X("postern_store_broken", "gauge", "", \
  "1: a commit's outcome is unknown, and the process ends.", broken) \
X("postern_pushes_total", "counter", "result", \
  "Pushes to Apple's push service, by what came of them.", pushes) \
X("postern_push_batch_duration_seconds", "histogram", "", \
  "From the first push of a batch to its last answer.", push_batches) \
X("postern_provider_calls_total", "counter", "provider, result", \
  "Calls of identity providers; failed: no answer, or status 5xx.", provider_calls) \
X("postern_provider_resting", "gauge", "provider", \
  "1: the provider did not answer several times in a row and is left alone for a while.", provider_rests)

/* Of the database: the same at every node. */
#define METRICS_OF_DATABASE(X) \
X("postern_store_bytes", "gauge", "kind", \
  "Size of the database.", store_octets) \
X("postern_enrollments", "gauge", "state, mode", \
  "Enrollments, by state and mode.", enrollments) \
X("postern_enrollments_inactive", "gauge", "", \
  "Enrollments whose device was not seen for inactive_days.", inactive) \
X("postern_attempts_last_hour", "gauge", "kind, state, code", \
  "Attempts that were begun in the last hour, by their state and the code of their newest event.", attempts) \
X("postern_discovery_today", "gauge", "code", \
  "What discovery answered since midnight UTC; in batches that are a minute old at most.", discovery) \
X("postern_commands_waiting", "gauge", "", \
  "Commands without an answer.", commands) \
X("postern_pushes_waiting", "gauge", "", \
  "Channels whose device is to be woken.", wakes) \
X("postern_push_trouble", "gauge", "organization", \
  "1: the organization's pushes go nowhere at present.", push_trouble) \
X("postern_webhook_messages", "gauge", "webhook, state", \
  "Messages of each webhook that were not accepted yet, or given up.", messages) \
X("postern_expiry_timestamp_seconds", "gauge", "kind, organization", \
  "When certificates and tokens end, in Unix seconds.", ends)
/* clang-format on */

#endif
