"""`python -m syncengine`, the same as `syncengine`."""

from syncengine.cli import main

main()
