"""The bookstore of these tests: its descriptors, a real server for it, and a REST client in front."""

import asyncio
import importlib
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from gateway.transcoding import Options, Transcoder

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Message]]


def load_proto(
    name: str, written: Path, root: Path = Path(__file__).parent
) -> tuple[descriptor_pb2.FileDescriptorSet, FileDescriptor]:
    """Compile a file of `root` into the folder `written`. Return its descriptors with comments, and in the pool."""
    spec = importlib.util.find_spec("google.api.http_pb2")
    assert spec is not None
    assert spec.origin is not None
    site_packages = Path(spec.origin).parents[2]
    roots = [f"-I{each}" for each in (root, site_packages, Path(protoc.__file__).parent / "_proto")]
    binary = written / f"{name}.binpb"
    assert protoc.main(["protoc", *roots, "--include_source_info", f"-o{binary}", name]) == 0
    files = descriptor_pb2.FileDescriptorSet.FromString(binary.read_bytes())
    for imported in files.file[0].dependency:
        importlib.import_module(imported.replace("/", ".").removesuffix(".proto") + "_pb2")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(files.file[0].SerializeToString())
    return files, pool.FindFileByName(name)


@pytest.fixture(scope="session")
def compiled(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[descriptor_pb2.FileDescriptorSet, FileDescriptor]:
    """The compiled bookstore.proto."""
    return load_proto("bookstore.proto", tmp_path_factory.mktemp("descriptors"))


@pytest.fixture(scope="session")
def files(compiled: tuple[descriptor_pb2.FileDescriptorSet, FileDescriptor]) -> descriptor_pb2.FileDescriptorSet:
    """bookstore.proto with its comments."""
    return compiled[0]


@pytest.fixture(scope="session")
def bookstore(compiled: tuple[descriptor_pb2.FileDescriptorSet, FileDescriptor]) -> FileDescriptor:
    """The descriptors of bookstore.proto, in the default pool."""
    return compiled[1]


@pytest.fixture(scope="session")
def new_message(bookstore: FileDescriptor) -> Callable[..., Any]:
    """Make a message of bookstore.proto by its type's name."""

    def make(name: str, **fields: Any) -> Any:
        return GetMessageClass(bookstore.message_types_by_name[name])(**fields)

    return make


@dataclass
class Library:
    """A running server whose RPCs echo, or do what `answers` holds for them; it remembers what it was sent."""

    port: int = 0
    answers: dict[str, Handler] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    metadata: list[dict[str, str | bytes]] = field(default_factory=list)
    time_left: list[float] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def handler(self, rpc: MethodDescriptor) -> "grpc.RpcMethodHandler[Any, Any]":
        """The handler of one RPC."""
        answer_class = GetMessageClass(rpc.output_type)

        async def serve(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            self.requests.append(request)
            self.metadata.append(dict(context.invocation_metadata() or ()))
            self.time_left.append(context.time_remaining() or 0.0)
            if rpc.name in self.answers:
                return await self.answers[rpc.name](request, context)
            return request if rpc.output_type == rpc.input_type else answer_class()

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=GetMessageClass(rpc.input_type).FromString,
            response_serializer=answer_class.SerializeToString,
        )


@asynccontextmanager
async def serving(services: Sequence[ServiceDescriptor]) -> AsyncIterator[Library]:
    """A server of these services on a free port."""
    library, server = Library(), grpc.aio.server()
    for service in services:
        handlers = {rpc.name: library.handler(rpc) for rpc in service.methods if not rpc.server_streaming}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    library.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield library
    await server.stop(None)


@pytest_asyncio.fixture
async def library(bookstore: FileDescriptor) -> AsyncIterator[Library]:
    """A bookstore server on a free port."""
    async with serving([bookstore.services_by_name["LibraryService"]]) as library:
        yield library


@pytest_asyncio.fixture
async def transcoder(library: Library, bookstore: FileDescriptor) -> AsyncIterator[Transcoder]:
    """The bookstore as REST, with small limits so that tests can reach them."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{library.port}") as channel:
        yield Transcoder(
            [(bookstore.services_by_name["LibraryService"], channel)],
            metadata=forwarded_language,
            request_id=lambda request: request.headers.get("x-request-id", "req-1"),
            options=Options(max_body_bytes=4096, default_deadline=15, max_deadline=20),
        )


@pytest_asyncio.fixture
async def rest(transcoder: Transcoder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the bookstore's REST face, mounted under /api in a Starlette application."""
    app = Starlette(routes=[Mount("/api", transcoder)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bookstore/api") as client:
        yield client


def forwarded_language(request: Request) -> list[tuple[str, str | bytes]]:
    """Send the caller's language upstream, and nothing else."""
    return [("language", request.headers.get("accept-language", "en"))]
