#!/bin/sh
# Pairs from the lab on which the correlator was once wrong: what it has to say of them (fixtures/lab).
exec python3 tests/e2e/lab_pairs.py "$1/twopoint-correlate"
