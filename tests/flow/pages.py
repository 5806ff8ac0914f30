#!/usr/bin/python3
"""What README.md and docs/ tell people to type exists: each command, each of its options, each setting and each script.
    pages.py     $POSTERN_BUILD names the build folder"""

import functools
import glob
import itertools
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
os.environ.setdefault("POSTERN_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build"))

from postern import BUILD, CLIENTS, done, ok  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAMS = ("postern", "posternd", "postern-device", "postern-apple")
GLOBAL = {"--json": 0, "--data": 1, "--org": 1, "--server": 1, "--token-file": 1, "--cacert": 1}  # and the words behind


@functools.cache
def said(*words):
    """What --help of a program or command says."""
    folder = BUILD if words[0] == "posternd" else CLIENTS
    r = subprocess.run([os.path.join(folder, words[0]), *words[1:], "--help"], capture_output=True, text=True)
    return r.stdout if r.returncode == 0 else ""


@functools.cache
def commands(program):
    listed = said(program).partition("Commands:\n")[2].partition("\n\n")[0]
    return [tuple(c.split()) for c in re.findall(r"^  (\S+(?: \S+)*?)  +\S", listed, re.M)]


def typed(text):
    """Commands of ours in blocks and between backquotes, as words, without comments."""
    text = re.sub(r"\\\n\s*", " ", text)
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S))
    for line in [*fenced.split("\n"), *re.findall(r"^    (.+)$", text, re.M), *re.findall(r"`([^`\n]+)`", text)]:
        for part in re.split(r" \| |; | && |(?:^| )sudo ", re.sub(r"\s+#.*| -- .*", "", line)):
            words = part.split()
            if words and words[0] in PROGRAMS:
                yield words


def unknown(program, *rest):
    """What of it there is not. `enable|disable` is two commands."""
    options = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(rest))
    while rest and rest[0] in GLOBAL:
        rest = rest[1 + GLOBAL[rest[0]]:]
    known = commands(program)
    ways = list(itertools.product(*(w.split("|") for w in rest[:3] if re.fullmatch(r"[a-z|-]+", w))))
    found = [max((c for c in known if c == way[:len(c)]), key=len, default=None) for way in ways if way]
    parts = [way for way, c in zip(ways, found) if c is None and known and way not in [c[:len(way)] for c in known]]
    helps = "".join(said(program, *(c or ())) for c in found or [()])
    return [" ".join(p) for p in parts] + [o for o in options if not re.search(re.escape(o) + r"(?![\w-])", helps)]


def main():
    pages = {}
    for path in [os.path.join(ROOT, "README.md"), *glob.glob(os.path.join(ROOT, "docs", "*.md"))]:
        with open(path) as f:
            pages[os.path.basename(path)] = f.read()
    lines = [(page, words) for page, text in pages.items() for words in typed(text)]
    ok(len(lines) > 200, "the pages have commands", len(lines))
    wrong = [(page, " ".join(words), unknown(*words)) for page, words in lines if unknown(*words)]
    ok(not wrong, "each is there, with its options", wrong)
    scripts = {(page, name) for page, text in pages.items()
               for name in re.findall(r"(?<![\w/])(?:script|tests)/[a-z][\w./-]*", text)}
    gone = [s for s in scripts if not os.path.exists(os.path.join(ROOT, s[1].rstrip(".")))]
    ok(scripts and not gone, "so is each script and test that they name", gone)
    files = {(page, name) for page, text in pages.items()
             for name in re.findall(r"`((?:[a-z-]+/)+[\w-]+\.(?:[ch]|yml|json|md))`", text)}
    gone = [f for f in files if not any(os.path.exists(os.path.join(ROOT, at, f[1])) for at in ("", "src"))]
    ok(files and not gone, "each source and page", gone)
    with open(os.path.join(ROOT, "src", "config", "config.c")) as f:
        settings = set(re.findall(r'^\t\{ "([a-z_]+)", T_', f.read(), re.M))
    named = {(page, key) for page, text in pages.items() for key in re.findall(r"`([a-z]+(?:_[a-z]+)*) = ", text)}
    gone = [n for n in named if n[1] not in settings]
    ok(len(named) > 2 and not gone, "and each setting", gone)
    return done()


sys.exit(main())
