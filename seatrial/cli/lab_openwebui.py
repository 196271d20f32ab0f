"""`seatrial lab openwebui`: install a released Open WebUI, boot it, say what a user needs, and wait."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console

from seatrial.cli.lab_script import script_options
from seatrial.errors import WrongUse
from seatrial.lab import openwebui as deployments
from seatrial.lab import openwebui_install as releases
from seatrial.lab.children import provider_process, until_stopped
from seatrial.lab.postgres import programs
from seatrial.lab.script import Script
from seatrial.lab.serving import LOOPBACK, bound
from seatrial.settings import gather


@click.command()
@click.option("--version", default=releases.DEFAULT_VERSION, show_default=True, help="The release to run.")
@click.option("--port", default=0, help="Where it listens on 127.0.0.1; by default a free port.")
@click.option("--defaults", is_flag=True, help="Settings of a new installation: ordinary users see no model.")
@click.option("--admin", metavar="EMAIL:PASSWORD",
              help="The first account, by default admin@example.com with a new password. EMAIL alone asks. "
              "Better in SEATRIAL_ADMIN, where `seatrial verify` finds it too.")  # fmt: skip
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Keep its data here; by default the data goes when it ends.")  # fmt: skip
@click.option("--database", type=click.Choice(["sqlite", "postgres"]), default="sqlite", show_default=True,
              help="postgres: a PostgreSQL of its own on loopback, from the programs of this system.")  # fmt: skip
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Once it is up, write JSON here (mode 600): url, admin_email, admin_password, version, pid. "
              "Removed at the end.")  # fmt: skip
@click.option("--provider-port", default=0, help="Where the scripted provider listens; by default a free port.")
@click.option("--install-only", is_flag=True, help="Install it and stop.")
@click.option("--torch-index", metavar="URL",
              help="Package index for PyTorch alone. PyTorch's CPU index saves gigabytes on Linux.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Install without asking.")
@click.option(
    "--json", "as_json", is_flag=True, help="Say that it is up as JSON: what --ready-file holds, on one line."
)
@script_options
def openwebui(
    script: Script,
    record: Path | None,
    version: str,
    port: int,
    defaults: bool,
    admin: str | None,
    data_dir: Path | None,
    database: deployments.Database,
    ready_file: Path | None,
    provider_port: int,
    install_only: bool,
    torch_index: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """A real, released Open WebUI with the scripted provider behind it.

    The first start of a version installs it with pip into your cache (about 3 GB); later ones take some 20 seconds.
    It inherits no setting from your shell, listens on 127.0.0.1 only and is gone after Ctrl-C, with its data:

    \b
        seatrial lab openwebui --version 0.12.4
        seatrial lab openwebui --defaults --ready-file lab.json
    """
    bound(LOOPBACK, port).close()  # mistakes come out before minutes of installing
    bound(LOOPBACK, provider_port, "--provider-port").close()
    if database == "postgres":
        programs()
    # Of the variables only this one, and no seatrial.toml: those describe the deployment that is verified.
    given = gather({"admin": admin}, {name: os.environ[name] for name in ("SEATRIAL_ADMIN",) if name in os.environ})
    login = given.admin_login
    if ready_file is not None:
        if not ready_file.absolute().parent.is_dir():
            raise WrongUse(f"cannot write --ready-file {ready_file}: no such folder")
        ready_file.unlink(missing_ok=True)  # of a run that was killed: it would tell of a server that is gone
    _install(version, torch_index, yes)
    if install_only:
        place = str(releases.environment_folder(version))
        click.echo(json.dumps({"installed": place}) if as_json else f"installed {place}")
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(until_stopped())
        provider_url = stack.enter_context(provider_process(script, record, provider_port))
        with _spinner() as progress:
            deployment = stack.enter_context(
                deployments.boot(
                    version,
                    provider_url=provider_url,
                    port=port,
                    defaults=defaults,
                    data_dir=data_dir,
                    admin_email=login.email if login else deployments.ADMIN_EMAIL,
                    admin_password=login.password if login else None,
                    progress=progress,
                    database=database,
                )
            )
        stack.enter_context(_announced(deployment, provider_url, login is not None, ready_file, as_json))
        try:
            while (code := deployment.exit_code()) is None:
                time.sleep(0.2)
        except KeyboardInterrupt:
            return  # the normal end: the blocks around take everything down
        raise deployments.ServerFailed(f"Open WebUI {version} ended with code {code}", deployment.log_path)


def _install(version: str, torch_index: str | None, yes: bool) -> None:
    if releases.is_installed(version):
        return
    place = releases.environment_folder(version).parent
    size = f"Open WebUI {version} is not installed yet: {releases.SIZE}, in {place}"
    click.echo(size, err=True)
    if not yes and sys.stdin.isatty() and not click.confirm("Install it?", default=True, err=True):
        raise WrongUse("nothing was installed")
    with until_stopped(), _spinner() as progress:
        releases.install(version, torch_index=torch_index, progress=progress)


@contextlib.contextmanager
def _announced(
    deployment: deployments.Deployment, provider_url: str, given: bool, ready_file: Path | None, as_json: bool
) -> Iterator[None]:
    """Say what a user needs. A password that was given is not shown again."""
    content = {
        "url": deployment.url,
        "admin_email": deployment.admin_email,
        "admin_password": deployment.admin_password,
        "version": deployment.version,
        "pid": deployment.process_id,
        "lab_pid": os.getpid(),
        "provider_url": provider_url,
        "database": deployment.database,
    }
    if as_json:
        told = json.dumps({key: value for key, value in content.items() if key != "admin_password" or not given})
    else:
        _tell(deployment, provider_url, given)
        told = f"ready {deployment.url}"
    if ready_file is None:
        click.echo(told)
        yield
        return
    partial = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
    try:
        with open(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file)
        partial.replace(ready_file)  # whoever sees the file sees all of it
    except OSError as error:
        raise WrongUse(f"cannot write --ready-file {ready_file}: {error.strerror}") from None
    try:
        click.echo(told)
        yield
    finally:
        ready_file.unlink(missing_ok=True)


def _tell(deployment: deployments.Deployment, provider_url: str, given: bool) -> None:
    shown = "PASSWORD" if given else deployment.admin_password
    admin = shlex.quote(f"{deployment.admin_email}:{shown}")
    on = " on PostgreSQL" if deployment.database == "postgres" else ""
    click.echo(f"Open WebUI {deployment.version}{on}, process {deployment.process_id}")
    click.echo(f"  admin     {deployment.admin_email}" + ("" if given else f"  password {shown}"))
    click.echo(f"  provider  {provider_url}/v1")
    click.echo(f"  log       {deployment.log_path}")
    click.echo(f"  verify    seatrial verify {deployment.url} --admin {admin}")
    click.echo(f"  load      seatrial load {deployment.url} --provider {provider_url} --admin {admin}")


@contextlib.contextmanager
def _spinner() -> Iterator[Callable[[str], None]]:
    """Progress on standard error: a spinner at a terminal, elsewhere one line per step."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("") as status:
            yield status.update
        return
    said: set[str] = set()

    def step(text: str) -> None:
        title = text.partition(":")[0].partition(",")[0]
        if title not in said:
            said.add(title)
            console.print(title, highlight=False)

    yield step
