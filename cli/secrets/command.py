"""`sedifex secrets`: replacing the secrets of an installation while it runs. deploy/runbooks has the steps."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cli.secrets.databases import Sealing
    from cli.secrets.lists import Secrets

app = typer.Typer(
    help="The secrets of an installation: replace them while it runs. deploy/runbooks has the steps.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The setting, like SEDIFEX_TOKEN_PEPPERS.")]
File = Annotated[Path, typer.Option("--file", help="The env file that the installation is started with.")]
Version = Annotated[int | None, typer.Option(min=1, help="Which entry; the last one unless named.")]


@app.command("list")
def list_(file: File) -> None:
    """Show in which order a file has which secrets; never a secret."""
    from cli.secrets.file import read
    from cli.secrets.lists import NAMES

    for name in NAMES:
        typer.echo(read(file, name).describe())


@app.command()
def add(name: Name, file: File) -> None:
    """Add a new secret at the end of its list: it is accepted, and makes nothing yet."""
    _edit(file, name, lambda found: found.add())


@app.command()
def promote(name: Name, file: File, version: Version = None) -> None:
    """Put a secret at the front of its list: it makes what is new."""
    _edit(file, name, lambda found: found.promote(version))


@app.command()
def drop(name: Name, file: File, version: Version = None) -> None:
    """Drop a secret from its list, never the first. 'sedifex secrets status' tells what hangs on it."""
    _edit(file, name, lambda found: found.drop(version))


@app.command()
def status(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to name, of each kind.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Show what hangs on which secret, in the databases that the settings name, and who would be refused without it."""
    from cli.secrets import databases, telling
    from services.common.settings import SecretsSettings, load

    with databases.opened(load(SecretsSettings)) as found:
        if as_json:
            typer.echo(telling.status_as_json(*found, limit))
        else:
            typer.echo("\n".join(telling.lines_of_status(*found, limit)))


@app.command()
def reseal(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is to do.")] = False,
) -> None:
    """Seal what is encrypted again under the first key, so that others can be dropped. Safe while everything runs.

    It may be stopped and run again. Ends with 1 if something is left.
    """
    from cli.secrets import databases
    from services.common.settings import SecretsSettings, load

    with databases.opened(load(SecretsSettings)) as (_, sealings):
        if dry_run:
            for each in sealings:
                typer.echo(f"{each.what}: {each.count_outdated():,} would be sealed again under version {each.version}")
            return
        done = [_reseal(each) for each in sealings]
    raise typer.Exit(0 if all(done) else 1)


def _reseal(sealing: "Sealing") -> bool:
    from cli.secrets.telling import lines_of_outcome

    total = sealing.count_outdated()
    outcome = sealing.reseal(lambda now: typer.echo(f"{sealing.what}: {now.resealed:,} of {total:,}", err=True))
    typer.echo("\n".join(lines_of_outcome(sealing, outcome)))
    return not outcome.unreadable and not outcome.busy


def _edit(file: Path, name: str, change: "Callable[[Secrets], Secrets]") -> None:
    from cli.secrets.file import edit

    typer.echo(edit(file, name, change).describe())
