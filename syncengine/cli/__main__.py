"""`python -m syncengine.cli`, the same as `syncengine`."""

from syncengine.cli import main

main()
