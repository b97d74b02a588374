"""The command line. `main` runs it and turns errors into one sentence, a hint and an exit code.

Exit codes: 0 done; 1 done, and something differs or was not accepted; 2 the command line is wrong; 3 a Dragoman error;
130 interrupted.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

EXIT_DIFFERENT = 1
EXIT_ERROR = 3
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:  # while the command line is still being loaded, too
        sys.stderr.write("Interrupted.\n")
        return EXIT_INTERRUPTED


def _run(words: list[str]) -> int:
    import typer

    from dragoman.cli.app import build
    from dragoman.cli.show import error_line
    from dragoman.errors import DragomanError, InvalidData

    for stream in (sys.stdout, sys.stderr):
        # Names are shown as well as the terminal or pipe can, whatever it is encoded in.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        # Outside of standalone mode an exit code comes back as the result, and usage errors are raised.
        code = typer.main.get_command(build())(words, prog_name="dragoman", standalone_mode=False)
    except typer.Abort:
        return EXIT_INTERRUPTED
    except DragomanError as error:
        if "--debug" in words:
            raise
        error_line(error, as_json="--json" in words)
        return EXIT_ERROR
    except OSError as error:  # a file or folder of this machine; what a platform's SDK raises has become ours before
        if "--debug" in words:
            raise
        what = "The system refused" if error.filename is None else f"{error.filename} cannot be read or written"
        error_line(InvalidData(f"{what}: {error.strerror or error}."), as_json="--json" in words)
        return EXIT_ERROR
    except Exception as error:  # Click has several kinds, and typer may bring its own copy of them
        # Usage errors know how to show themselves; anything else is a fault of ours and keeps its traceback.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0
