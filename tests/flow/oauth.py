#!/usr/bin/python3
"""The OAuth endpoints by an independent client library (npm oauth4webapi): tests/browser/oauth.test.mjs.
    oauth.py     $POSTERN_BUILD names the build folder"""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["POSTERN_BUILD"] = os.path.abspath(os.environ.get("POSTERN_BUILD", os.path.join(HERE, "../../build")))
os.chdir(os.path.join(HERE, "..", "browser"))
subprocess.run(["./install"], check=True)
os.execvp("node", ["node", "--test-reporter=tap", "oauth.test.mjs"])
