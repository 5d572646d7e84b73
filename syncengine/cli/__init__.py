"""The `syncengine` command. A file per subcommand."""

import sys


def main() -> None:
    """Run the command line; exits with the codes that `syncengine --help` lists."""
    try:
        from syncengine.cli.app import syncengine
        from syncengine.cli.collector import spare_what_is_here
    except KeyboardInterrupt:  # somebody changed their mind at once
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich", "platformdirs"):
            raise
        print(f"error: {error.name} is missing", file=sys.stderr)
        print("hint: Run `pip install 'syncengine-im[cli]'`.", file=sys.stderr)
        sys.exit(2)
    spare_what_is_here()
    syncengine()
