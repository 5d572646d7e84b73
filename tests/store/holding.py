"""A process that holds a store's lock until it is told to end, or is killed:
`python -m tests.store.holding PATH`."""

import sys

from syncengine import WriterLock

if __name__ == "__main__":
    with WriterLock(sys.argv[1], program="holding").held():
        print("held", flush=True)
        sys.stdin.readline()
