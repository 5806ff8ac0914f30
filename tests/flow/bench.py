#!/usr/bin/python3
"""script/bench in small: flushes are counted where there are any, and what it is to print is there. No time is asserted.
    bench.py     $POSTERN_CLIENTS names a release build with what the bench needs (floor, syncs.so)"""

import json
import os
import subprocess
import sys
import tempfile

from postern import CLIENTS, done, ok, same

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "bench.py")


def bench(*names):
    """The table, and the figures as they are written."""
    with tempfile.NamedTemporaryFile(suffix=".json") as f:
        run = subprocess.run([sys.executable, BENCH, *names, "--rounds", "1", "--seconds", "1", "--warmup", "0", "--devices", "200",
                              "--json", f.name], capture_output=True, text=True, timeout=900, env={**os.environ, "POSTERN_BUILD": CLIENTS})
        ok(run.returncode == 0, f"{', '.join(names)} can be measured", run.stderr)
        return run.stdout, json.load(f) if run.returncode == 0 else {}


def main():
    table, figures = bench("idle_proxy", "checkin", "pg_checkin", "backup")
    ok("fdatasync" in table.split("| what |")[0] and figures.get("fdatasync_us", 0) > 0,
       "what a flush costs on this machine stands above the table", table)
    for head in ("fsyncs", "generator CPU us"):
        ok(f"| {head} " in table, f"each row says: {head}", table)
    same(figures.get("idle_proxy_fsyncs"), 0, "idle polls flush nothing")
    for name in ("checkin", "pg_checkin"):
        ok(0 < figures.get(f"{name}_fsyncs", 0) <= 3, f"{name}: what is written is flushed", figures)
    ok(figures.get("backup_idle_p99_ms", 0) > 0 and figures.get("backup_p99_ms", 0) > 0 and figures.get("backup_s", 0) > 0,
       "polls are measured without and during a backup", figures)
    return done()


if __name__ == "__main__":
    sys.exit(main())
