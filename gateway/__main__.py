"""The gateway as a process: `sedifex gateway`."""

import asyncio

from gateway import app, leaks
from gateway.clients import backends
from gateway.http_server import server
from services.common import telemetry, tls, tracing
from services.common.observed import exposed
from services.common.settings import GatewaySettings, load


async def _main() -> None:
    settings = load(GatewaySettings)
    telemetry.configure_logging("gateway", settings.log_level)
    tracing.configure("gateway", settings)
    tls.configure(settings)
    async with backends(settings) as services, leaks.routes(settings) as leak_routes:
        with exposed(settings.metrics_listen, "gateway"):
            await server(app.build(settings, services, leak_routes), settings).serve()


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    asyncio.run(_main())


if __name__ == "__main__":
    main()
