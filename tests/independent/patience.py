"""Waiting in tests: for a state, never for a time, so that a machine that is busy with other things changes nothing."""

import threading
import time


def until(look, seconds=60, pause=0.02):
    """What look() says once it is true, or at last: for states that come when the machine gets round to it. A look that
    is a process of its own wants a longer pause."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(pause)
    return found


def undisturbed(measure, seconds=1, tries=5):
    """What measure() says, done again when the machine stood still meanwhile for so many seconds, as one that shares
    its processors with others does: such a time says nothing about the server."""
    for _ in range(tries):
        over, still = threading.Event(), [0.0]

        def watch():
            while not over.is_set():
                began = time.monotonic()
                over.wait(0.05)
                still[0] = max(still[0], time.monotonic() - began)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            found = measure()
        finally:
            over.set()
            watcher.join()
        if still[0] < seconds:
            break
    return found
