"""The command line. It alone knows all parts, and it starts pytest and Locust as processes of their own.

A user's mistake is one line on standard error and an exit code (see `errors`), never a traceback.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from io import TextIOWrapper

import click

from seatrial import __version__
from seatrial.cli.telling import tell
from seatrial.errors import EXIT_INCONCLUSIVE, EXIT_WRONG_USE, SeatrialError
from seatrial.lifeline import watch

COMMANDS = {
    "verify": "seatrial.cli.verify:verify",
    "load": "seatrial.cli.load:load",
    "capacity": "seatrial.cli.capacity:capacity",
    "compare": "seatrial.cli.compare:compare",
    "report": "seatrial.cli.report:report",
    "replay": "seatrial.cli.replay:replay",
    "clean": "seatrial.cli.clean:clean",
    "lab": "seatrial.cli.lab:lab",
}
EXIT_INTERRUPTED = 130


class _Commands(click.Group):
    """Imports a command when it is asked for: `seatrial --help` need not wait for Locust or the report's charts."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="seatrial")
def cli() -> None:
    """The sea trial of a chat deployment.

    Seatrial verifies a deployed Open WebUI against a contract, and loads it with whole sessions. Without a URL it
    starts a small reference server and works on that, so that you can look around first:

    \b
        seatrial verify                                  look around, on the reference server
        seatrial verify https://chat.example.org --admin you@example.org
        seatrial load http://localhost:8080 --users 20 --duration 60s

    Settings have one name everywhere: --ca-file, SEATRIAL_CA_FILE, or ca_file in seatrial.toml (docs/seatrial.toml
    is an example with all of them).

    Secrets: options show in process lists. Put them into SEATRIAL_TOKEN, SEATRIAL_ACCOUNT or SEATRIAL_ADMIN, name a
    file as @FILE, or leave the password out and be asked.

    \b
    Exit codes: 0 pass; 1 fail; 2 wrong use (an option, password, file);
                3 inconclusive (unreachable, another API, target died).
    """


def main() -> None:
    """The entry point: runs a command and ends with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # half a character, which an answer may hold, and JSON has an escape for
            stream.reconfigure(errors="backslashreplace")
    try:
        watch()
        code = cli.main(prog_name="seatrial", standalone_mode=False)
    except SeatrialError as error:
        tell(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        sys.exit(EXIT_WRONG_USE)
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        tell(error.format_message() + hint)
        sys.exit(EXIT_WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        tell("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.exit(EXIT_INCONCLUSIVE)
    except OSError as error:
        tell(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        sys.exit(EXIT_INCONCLUSIVE)
    except Exception:  # noqa: BLE001 - Python's own exit code for it is 1, which says here that the target failed
        traceback.print_exc()
        tell("this is a defect of Seatrial, and says nothing of the target; please report it with what stands above")
        sys.exit(EXIT_INCONCLUSIVE)
    sys.exit(code if isinstance(code, int) else 0)


__all__ = ["cli", "main"]
