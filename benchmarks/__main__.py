"""`python -m benchmarks CASE`: runs a case and prints its table."""

import argparse
import sys

from benchmarks import browse, daemon, deletions, feed, fleet, pull, read, search, soak

CASES = {
    "browse": browse,
    "daemon": daemon,
    "deletions": deletions,
    "feed": feed,
    "fleet": fleet,
    "pull": pull,
    "read": read,
    "search": search,
    "soak": soak,
}
"""Each case is a module with `add_arguments` and `run`, its question in its docstring."""


def main() -> int:
    """Run the named case; exit code 0 where its result is right."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    cases = parser.add_subparsers(dest="case", required=True, metavar="CASE")
    for name, module in CASES.items():
        question = (module.__doc__ or "").splitlines()[0]
        case = cases.add_parser(name, help=question, description=module.__doc__)
        module.add_arguments(case)
    options = parser.parse_args()
    code: int = CASES[options.case].run(options)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
