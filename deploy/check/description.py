"""What the gateway tells of the API at /openapi.json, by the schema of OpenAPI 3.1."""

from collections.abc import Iterator

from openapi_spec_validator import OpenAPIV31SpecValidator

from deploy.check.reading import Problem, dotted
from gateway import clients, reference
from gateway.app import PARTIAL_ETAGS
from gateway.transcoding.bindings import read_bindings


def check() -> Iterator[Problem]:
    """What is wrong with the description; a reference that leads nowhere is, too."""
    services = [each for found in clients.descriptors().values() for each in found]
    described = reference.describe([each for service in services for each in read_bindings(service, PARTIAL_ETAGS)])
    for error in OpenAPIV31SpecValidator(described).iter_errors():
        yield Problem("/openapi.json", dotted(error.absolute_path), error.message)
