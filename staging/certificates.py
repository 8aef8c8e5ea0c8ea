"""The certificates of staging, each kind from an issuer of its own: of the processes for one another, of PostgreSQL, of
nginx for the public, of the partner. All are made by the script that makes those of production."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from services.common.certificates import Files
from staging.place import PARTNER_NAME, PUBLIC_NAME, REPLICAS

SCRIPT = Path(__file__).resolve().parents[1] / "deploy" / "certificates.sh"
DAYS = "30"
"""So far from their end that `sedifex status` has no word about it."""
PROXY = "front"
OPERATOR = "operator"
KINDS: Mapping[str, tuple[str, ...]] = {
    "tls": (*REPLICAS, PROXY, OPERATOR),
    "database": ("postgres",),
    "public": (f"public,{PUBLIC_NAME}",),
    "partners": (f"partner,{PARTNER_NAME}",),
}
"""What each folder has certificates for."""


def make(folder: Path) -> None:
    """Makes all of them, each kind in its folder, with the issuer as ca.pem."""
    for kind, names in KINDS.items():
        environment = os.environ | {"TLS_FOLDER": str(folder / kind), "DAYS": DAYS}
        for arguments in (("init",), ("issue", *names)):
            subprocess.run(["bash", SCRIPT, *arguments], env=environment, check=True, capture_output=True)  # noqa: S603, S607
    public = folder / "public"
    (public / "public.pem").rename(public / "fullchain.pem")
    (public / "public.key").rename(public / "privkey.pem")


def files(folder: Path, name: str) -> Files:
    """What the process of this name shows, and whom it believes."""
    tls = folder / "tls"
    return Files(tls / f"{name}.pem", tls / f"{name}.key", tls / "ca.pem")
