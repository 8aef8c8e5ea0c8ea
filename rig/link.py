"""A network between a client and a server, as a process, so that it can be frozen (nothing gets through any more, and
late when it thaws) or killed (connections break, and what was under way is lost).

`python -m rig.link --listen HOST:PORT --to HOST:PORT [--delay SECONDS]`; a delay is up to so long, for each piece.
"""

import argparse
import asyncio
import random
from contextlib import suppress

from rig.asking import until_told

PIECE_BYTES = 65_536


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    with suppress(OSError):
        while piece := await source.read(PIECE_BYTES):
            if delay:
                await asyncio.sleep(random.uniform(0, delay))
            sink.write(piece)
            await sink.drain()
    sink.close()


async def _run(options: argparse.Namespace) -> None:
    random.seed(options.seed)
    host, port = options.to.rsplit(":", 1)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, far_writer, options.delay), _pass_on(far_reader, writer, options.delay))

    own_host, own_port = options.listen.rsplit(":", 1)
    await asyncio.start_server(connect, own_host, int(own_port))
    await until_told()


def main() -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="rig.link")
    parser.add_argument("--listen", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
