"""The gateway as a process: `sedifex gateway`."""

import asyncio

import uvicorn

from gateway import app, leaks
from gateway.clients import backends
from services.common import telemetry, tracing
from services.common.observed import exposed
from services.common.settings import GatewaySettings, load

MAX_REQUESTS = 1_000
"""How many requests may be in hand at once; more get 503."""
KEEP_ALIVE_S = 30


async def _main() -> None:
    settings = load(GatewaySettings)
    telemetry.configure_logging("gateway", settings.log_level)
    tracing.configure("gateway", settings)
    async with backends(settings) as services, leaks.routes(settings) as leak_routes:
        config = uvicorn.Config(
            app.build(settings, services, leak_routes),
            host=settings.gateway_host,
            port=settings.gateway_port,
            http="httptools",
            loop="asyncio",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # which of them count is decided in gateway/origin.py
            limit_concurrency=MAX_REQUESTS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=round(settings.drain_seconds),
        )
        with exposed(settings.metrics_listen, "gateway"):
            await uvicorn.Server(config).serve()


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    asyncio.run(_main())


if __name__ == "__main__":
    main()
