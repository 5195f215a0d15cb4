"""The way in: answers `nexus --version` at once and hands everything else to the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run nexus with the process's arguments and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from nexus_cli import __version__

        sys.stdout.write(f"nexus {__version__}\n")
        return
    from nexus_cli.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
