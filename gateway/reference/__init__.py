"""The API's reference: its description at /openapi.json, and pages to read it and try it out at /docs."""

from gateway.reference.description import describe
from gateway.reference.pages import routes

__all__ = ["describe", "routes"]
