"""The way in: answers at once what it can, and hands everything else to the command line."""

from __future__ import annotations

import gc
import os
import sys

_GARBAGE = 100_000  # objects; at Python's own 700, a tenth of a command's time went into looking for some
_OPTIONS = ("NEXUS_ENVIRONMENT", "NEXUS_PROFILES")  # which the command line reads


def main() -> None:
    """Run nexus with the process's arguments and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from nexus_cli import __version__

        sys.stdout.write(f"nexus {__version__}\n")
        return
    gc.set_threshold(_GARBAGE)
    if sys.argv[1:] == ["up"]:
        from nexus_cli.render.settled import nothing_to_do

        if nothing_to_do():
            return
    if sys.argv[1:] in (["up"], ["down"]) and not any(name in os.environ for name in _OPTIONS):
        from nexus_cli import actions
        from nexus_cli.edge import guarded

        sys.exit(guarded(getattr(actions, sys.argv[1])))
    from nexus_cli.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
