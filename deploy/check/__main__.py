"""Checks by schema what is deployed: Kubernetes objects, the compose file, what Prometheus and Grafana read, and what
the gateway tells of the API.

    python -m deploy.check [--crds FILE] [folder]

It needs no cluster, no network, and neither kubectl nor promtool; what these would check besides is checked where they
are there. How the files fit together is not in their schemas: tests/unit/deploy/test_manifests.py.
"""

import argparse
import shutil
import sys
from pathlib import Path

from deploy.check import compose, description, kubernetes, observability
from deploy.check.reading import Unreadable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("deploy"), help="what to check")
    parser.add_argument(
        "--crds", action="append", type=Path, default=[], help="an operator's CustomResourceDefinitions"
    )
    options = parser.parse_args()
    try:
        schemas = kubernetes.Schemas(options.crds)
    except (OSError, Unreadable) as why:
        sys.exit(f"deploy: no definitions can be read: {why}")
    manifests = options.folder / "kubernetes"
    problems = [
        *kubernetes.check(manifests, schemas),
        *compose.check(options.folder / "compose" / "compose.yaml"),
        *observability.check(options.folder / "observability"),
        *description.check(),
    ]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    if problems:
        sys.exit("deploy: not valid, see above")
    _tell(kubernetes.unchecked(manifests, schemas))


def _tell(unchecked: list[str]) -> None:
    print("deploy: manifests, compose file, rules, dashboard and OpenAPI are valid")  # noqa: T201
    if unchecked:
        print(  # noqa: T201
            f"deploy: not checked, for their schema is the operator's: {', '.join(unchecked)}. To have them checked: "
            "make check CRDS=FILE, with the manifest that the operator is installed from."
        )
    for program, checks in (("kubectl", "what kustomize composes"), ("promtool", "Prometheus's configuration")):
        if shutil.which(program) is None:
            print(f"deploy: {program} is not installed: {checks} was not checked")  # noqa: T201


if __name__ == "__main__":
    main()
