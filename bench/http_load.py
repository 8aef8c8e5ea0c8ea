"""Asks for one thing over some connections, as fast as it is answered, and counts; with little work beside that."""

import asyncio
import time

import psutil

CONNECTIONS = 16


class Load:
    """One request, and where it is sent."""

    def __init__(self, pid: int, port: int, path: str, headers: dict[str, str], *, expect: int) -> None:
        self._process = psutil.Process(pid)
        self._port = port
        self._expect = f"HTTP/1.1 {expect}".encode()
        lines = [f"GET {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
        self._request = "\r\n".join([*lines, "", ""]).encode()

    async def run(self, seconds: float) -> tuple[float, float]:
        """Sends it for so long; how many answers came in a second, and the server's processor time for one, in ms.

        Raises:
            ValueError: an answer has another status.
        """
        end, cpu, began = time.perf_counter() + seconds, self._cpu(), time.perf_counter()
        counts = await asyncio.gather(*(self._ask_until(end) for _ in range(CONNECTIONS)))
        took = time.perf_counter() - began
        return sum(counts) / took, (self._cpu() - cpu) * 1000 / sum(counts)

    async def _ask_until(self, end: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        count = 0
        try:
            while time.perf_counter() < end:
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(self._expect):
                    raise ValueError(f"expected {self._expect!r}, got {head[:200]!r}")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                if length and b" 304 " not in head[:13]:
                    await reader.readexactly(int(length))
                count += 1
        finally:
            writer.close()
        return count

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
