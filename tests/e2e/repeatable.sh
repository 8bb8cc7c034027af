#!/bin/sh
# The same captures give the same report every time, on however many threads.
exec python3 tests/e2e/repeatable.py "$1/twopoint-correlate"
