#!/bin/sh
# The lab's fast subset: real kernels with the wire between them, each capture aged, each event scored against the truth.
# What fails is kept in BUILD/lab/failed.
. tests/e2e/common.sh.inc
python3 -m unittest -q tests/lab/check_lab.py 2>"$work/err" || { cat "$work/err"; exit 1; }
exec timeout 300 python3 tests/lab/lab.py --correlate "$correlate" --wire "$1/lab/wire" --fast --keep "$1/lab/failed"
