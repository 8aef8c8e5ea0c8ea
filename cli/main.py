"""The command `sedifex`. Each command imports what it needs when it runs, so that `--help` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

from cli.secrets.command import app as secrets

app = typer.Typer(
    name="sedifex",
    help="Sedifex Integrations: API keys, a product feed and signed webhooks for small shops.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
operator = typer.Typer(help="Operators: those who run Sedifex and may act for any shop.", no_args_is_help=True)
app.add_typer(operator, name="operator")
member = typer.Typer(help="Members: the people of a shop, and how they sign in.", no_args_is_help=True)
app.add_typer(member, name="member")
audit = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.add_typer(secrets, name="secrets")


@app.command()
def up(
    state: Annotated[Path, typer.Option(help="Where the data, the logs and the secrets of this system are.")] = Path(
        ".sedifex"
    ),
    port_base: Annotated[
        int | None, typer.Option(help="Use five ports from this one on, instead of 8080, 8090 and 50051 to 50053.")
    ] = None,
    any_ports: Annotated[bool, typer.Option(help="Use any five free ports.")] = False,
) -> None:
    """Run the whole system on this machine, with a database of its own and a sample shop."""
    from cli.up import command

    raise typer.Exit(command.run(state, port_base=port_base, any_ports=any_ports))


@app.command()
def status(
    at: Annotated[
        list[str] | None,
        typer.Option(help="A process to look at, by its private listener: keys-1=10.0.0.5:9461. May be given again."),
    ] = None,
    state: Annotated[Path, typer.Option(help="The folder of a system that `sedifex up` runs.")] = Path(".sedifex"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Show how a running system does. Ends with 1 if something is not well, 2 if there is nowhere to look."""
    from cli import status as looking

    raise typer.Exit(looking.run(at or (), state, as_json=as_json))


@app.command()
def keys() -> None:
    """Run the Keys service."""
    from services.keys.__main__ import main as run

    run()


@app.command()
def catalog() -> None:
    """Run the Catalog service."""
    from services.catalog.__main__ import main as run

    run()


@app.command()
def webhooks() -> None:
    """Run the Webhooks service."""
    from services.webhooks.__main__ import main as run

    run()


@app.command()
def webhooks_worker() -> None:
    """Run a worker that sends webhooks."""
    from services.webhooks.worker.__main__ import main as run

    run()


@app.command()
def gateway() -> None:
    """Run the gateway: the API as REST."""
    from gateway.__main__ import main as run

    run()


@app.command()
def migrate() -> None:
    """Bring the databases named by SEDIFEX_*_DATABASE_URL up to date."""
    from cli import migrations

    applied = migrations.migrate_all()
    for service, names in applied.items():
        typer.echo(f"{service}: " + (", ".join(names) if names else "up to date"))


@operator.command("create")
def operator_create(
    name: Annotated[str, typer.Argument(help="Who it is for, such as 'ama@sedifex.example'.")],
) -> None:
    """Make an operator and reveal the token, this once. Needs the Keys service's settings."""
    from cli import operators
    from services.common.settings import KeysSettings, load

    made = operators.create(load(KeysSettings), name)
    typer.echo(f"operators/{made.id} for {name}. The token, shown this once:", err=True)
    typer.echo(made.token)


@operator.command("list")
def operator_list(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Show all operators, newest first. Needs SEDIFEX_KEYS_DATABASE_URL."""
    from cli import operators
    from services.common.settings import KeysDatabaseSettings, load

    found = operators.list_all(load(KeysDatabaseSettings))
    if as_json:
        typer.echo(operators.as_json(found))
    else:
        operators.show(found)


@operator.command("revoke")
def operator_revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As 'sedifex operator list' shows it: op_…")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End an operator: the token is refused from the next call on. Needs SEDIFEX_KEYS_DATABASE_URL."""
    from cli import operators
    from services.common.settings import KeysDatabaseSettings, load

    settings = load(KeysDatabaseSettings)
    found = operators.get(settings, id_)
    name = f"operators/{found.id} ({operators.printable(found.display_name)}, token {found.hint})"
    if found.revoke_time is None and not yes:
        typer.confirm(f"Revoke {name}?", abort=True, err=True)
    ended = operators.revoke(settings, found.id)
    typer.echo(f"{name} is revoked." if ended else f"{name} was revoked before; nothing has changed.", err=True)


@member.command("invite")
def member_invite(
    email: Annotated[str, typer.Argument(help="Who is invited, by the address that they will sign in with.")],
    store: Annotated[str, typer.Option(help="The store, by its id.")],
    role: Annotated[str, typer.Option(help="What they will be there: owner, admin or staff.")] = "owner",
) -> None:
    """Invite somebody to a shop, its first owner above all, and reveal the link, this once. It works for 7 days."""
    from cli import members
    from services.common.settings import KeysSettings, load

    link = members.invite(load(KeysSettings), email, store, role)
    typer.echo(f"{email} may join stores/{members.store_id_of(store)} as {role}. The link, shown this once:", err=True)
    typer.echo(link)


@member.command("list")
def member_list(store: Annotated[str, typer.Option(help="The store, by its id.")]) -> None:
    """List who belongs to a shop. Needs SEDIFEX_KEYS_DATABASE_URL."""
    from cli import members
    from services.common.settings import KeysDatabaseSettings, load

    for each in members.list_members(load(KeysDatabaseSettings), store):
        codes = "one-time codes" if each.uses_totp else "password only"
        typer.echo(f"members/{each.member_id}  {each.role:<5}  {each.email}  {each.display_name}  ({codes})")


@member.command("reset-password")
def member_reset_password(
    email: Annotated[str, typer.Argument(help="Whose password is lost, by the address they sign in with.")],
) -> None:
    """Reveal a link, this once, by which a member sets a new password within the hour."""
    from cli import members
    from services.common.settings import KeysSettings, load

    link = members.reset_password(load(KeysSettings), email)
    typer.echo(f"{email} may set a new password within the hour. The link, shown this once:", err=True)
    typer.echo(link)


@member.command("disable-totp")
def member_disable_totp(
    email: Annotated[str, typer.Argument(help="Who has lost their app and recovery codes.")],
) -> None:
    """Turn a member's one-time codes off. Make sure first that it is they who ask. Needs SEDIFEX_KEYS_DATABASE_URL."""
    from cli import members
    from services.common.settings import KeysDatabaseSettings, load

    members.disable_totp(load(KeysDatabaseSettings), email)
    typer.echo(f"{email} signs in by the password alone now.")


@audit.command("verify")
def audit_verify(
    store: Annotated[str | None, typer.Option(help="Only this store, by its id.")] = None,
) -> None:
    """Check that no entry of the audit log was changed, removed or inserted. Needs SEDIFEX_KEYS_DATABASE_URL."""
    from cli import auditing
    from services.common.settings import DatabaseSettings, load

    found = auditing.verify(load(DatabaseSettings), store)
    for problem in found.problems:
        typer.echo(problem)
    verdict = "NOT genuine, see above" if found.problems else "all genuine"
    typer.echo(f"{found.entries} entries of {found.stores} stores: {verdict}")
    raise typer.Exit(1 if found.problems else 0)


@app.command()
def listen(
    port: Annotated[int, typer.Option(help="Port to listen on, on this machine only.")] = 8090,
    status: Annotated[
        int | None, typer.Option(min=200, max=599, help="Answer with this status, to see what Sedifex makes of it.")
    ] = None,
    latency: Annotated[float, typer.Option(min=0, max=60, help="Wait for so many seconds before answering.")] = 0,
    forward: Annotated[
        str | None, typer.Option(help="Post on what has verified to this URL, as it came, and answer as that does.")
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="One line an event, without its body.")] = False,
) -> None:
    """Receive webhooks here, verify and print them.

    The signing secret comes from SEDIFEX_LISTEN_SECRET; during a rotation both, with a comma between them.
    """
    from cli import forwarding, listening

    if forward is not None and not forwarding.is_url(forward):
        raise typer.BadParameter("must begin with http:// or https://", param_hint="--forward")
    options = listening.Options(listening.secrets_of_environment(), status, latency, forward, brief)
    raise typer.Exit(listening.run(port, options))


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="The CSV file: with a name and a price, or as WooCommerce or Shopify export it.")
    ],
    store: Annotated[str, typer.Option(help="The shop, by its id: st_makola.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each row.")] = False,
    format_: Annotated[str, typer.Option("--format", help="auto, sedifex, woocommerce or shopify.")] = "auto",
    gateway: Annotated[str, typer.Option(help="Where the API is.")] = "http://127.0.0.1:8080",
) -> None:
    """Import products from a CSV file, with an API key from SEDIFEX_API_KEY. Ends with 1 if rows could not be read."""
    from cli import importing

    raise typer.Exit(importing.run(importing.Request(file, store, dry_run, format_), gateway))


def main() -> None:
    """Entry point of the command."""
    from services.common.errors import SedifexError

    try:
        app()
    except SedifexError as problem:
        raise SystemExit(problem.message) from None  # it is written for whoever reads it


if __name__ == "__main__":
    main()
