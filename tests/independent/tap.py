"""TAP output: ok(truth, rule) for each assertion, done() at the end (its value is the exit status)."""

import sys

_count = _failed = 0


def ok(truth, rule, seen=None):
    """`seen` is printed when the rule does not hold."""
    global _count, _failed
    _count += 1
    print(f"{'ok' if truth else 'not ok'} {_count} - {rule}", flush=True)
    if not truth:
        _failed += 1
        for line in [] if seen is None else str(seen).splitlines()[:20]:
            print(f"#   {line[:400]}", flush=True)
        if seen is not None and _failed <= 3: # prove keeps comments to itself
            print(f"# {sys.argv[0]}: {rule}\n" + "\n".join(f"#   {line[:400]}" for line in str(seen).splitlines()[-12:]),
                  file=sys.stderr, flush=True)
    return bool(truth)


def same(got, wanted, rule):
    return ok(got == wanted, rule, f"wanted {wanted!r}\ngot    {got!r}")


def skip(why):
    global _count
    _count += 1
    print(f"ok {_count} # SKIP {why}", flush=True)


def say(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def done():
    print(f"1..{_count}")
    if _failed:
        print(f"# {_failed} of {_count} failed", file=sys.stderr)
    return 1 if _failed else 0
