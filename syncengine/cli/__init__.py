"""The `syncengine` command. A file per subcommand."""

import sys


def main() -> None:
    """Run the command line; exits with the codes that `syncengine --help` lists."""
    try:
        from syncengine.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich", "platformdirs"):
            raise
        sys.exit(f"error: {error.name} is missing\nhint: pip install 'syncengine-im[cli]'")
    run()
