#!/bin/sh
# The lab's wire does what its truth says: real connections through it, checked against tcpdump on both its sides.
exec python3 tests/lab/check_wire.py "$1/lab/wire"
