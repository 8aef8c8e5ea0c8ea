"""The certificates of staging: of the processes for one another, of nginx for the public, of the partner."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc

from staging.place import PARTNER_NAME, PUBLIC_NAME

DAYS = 2
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
INTERNAL = ("keys", "catalog", "webhooks", "webhooks-worker", "gateway", "postgres", "front", "operator")


def make(folder: Path) -> None:
    """Makes all of them in a folder: tls/ and public/ as /etc/sedifex has them, partner.pem, and partners.pem to trust
    partners by."""
    tls, public, partners = folder / "tls", folder / "public", folder / "partners"
    for each, name in ((tls, "internal"), (public, "public"), (partners, "partners")):
        each.mkdir()
        _run("req", "-x509", *CURVE, "-days", str(DAYS), "-subj", f"/CN=Sedifex staging, {name}",
             "-keyout", f"{each}/ca.key", "-out", f"{each}/ca.pem")
    for name in INTERNAL:
        _issue(tls, name, name)
    _issue(public, "privkey", PUBLIC_NAME)
    (public / "privkey.pem").rename(public / "fullchain.pem")
    (public / "privkey.key").rename(public / "privkey.pem")
    _issue(partners, "partner", PARTNER_NAME)
    (partners / "partner.pem").rename(folder / "partner.pem")
    (partners / "partner.key").rename(folder / "partner.key")
    (partners / "ca.pem").rename(folder / "partners.pem")


def channel(folder: Path, address: str, options: Sequence[tuple[str, Any]]) -> grpc.aio.Channel:
    """A channel as a process of ours has it."""
    return grpc.aio.insecure_channel(address, options=options)


def _issue(folder: Path, name: str, host: str) -> None:
    request = folder / f"{name}.csr"
    _run("req", "-new", *CURVE, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", f"{folder}/{name}.key", "-out", str(request))
    _run("x509", "-req", "-in", str(request), "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
         "-days", str(DAYS), "-copy_extensions", "copy", "-out", f"{folder}/{name}.pem")
    request.unlink()


def _run(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S603, S607
