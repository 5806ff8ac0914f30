/* What a run found, for people and for programs. */
#ifndef FLEET_REPORT_H
#define FLEET_REPORT_H

#include "base/buf.h"
#include "fleet/enroll.h"
#include "fleet/run.h"

void fleet_report_table(struct buf *b, const struct fleet_plan *p, const struct fleet_result *r);
void fleet_report_json(struct buf *b, const struct fleet_plan *p, const struct fleet_result *r); /* one object */

void fleet_report_enroll_table(struct buf *b, const struct fleet_enroll_plan *p, const struct fleet_enroll_result *r);
void fleet_report_enroll_json(
    struct buf *b, const struct fleet_enroll_plan *p, const struct fleet_enroll_result *r); /* one object */

#endif
