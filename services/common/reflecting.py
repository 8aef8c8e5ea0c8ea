"""What server reflection tells of the contract.

Protobuf's generated code leaves out how fields are called in JSON, so tools such as grpcurl would print `create_time`
where REST says `createTime`. The descriptors that are generated beside the code have these names.
"""

from collections.abc import Iterable, Iterator
from importlib.resources import files

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool


def reflected(roots: Iterable[FileDescriptor]) -> DescriptorPool:
    """The files of these descriptors and all that they import, as clients should see them."""
    contract = FileDescriptorSet.FromString(files("sedifex").joinpath("descriptors.binpb").read_bytes())
    known = {each.name: each for each in contract.file}
    pool = DescriptorPool()
    seen: set[str] = set()
    for root in roots:
        for file in _imports_first(root, seen):
            generated = FileDescriptorProto()
            file.CopyToProto(generated)
            pool.Add(known.get(file.name, generated))
    return pool


def _imports_first(file: FileDescriptor, seen: set[str]) -> Iterator[FileDescriptor]:
    if file.name in seen:
        return
    seen.add(file.name)
    for imported in file.dependencies:
        yield from _imports_first(imported, seen)
    yield file
