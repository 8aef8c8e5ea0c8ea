"""Generates the Python code under proto/gen/ from the contract.

    python proto/generate.py [--proto DIR] [--out DIR] [--image FILE]

Nothing is downloaded and nothing is vendored: google/api comes out of the package `googleapis-common-protos`, and the
descriptor of buf/validate/validate.proto out of the package `protovalidate`, which carries no .proto file of it.
"""

import argparse
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

VALIDATE_PROTO = "buf/validate/validate.proto"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("--proto", type=Path, default=here, help="the folder that holds sedifex/")
    parser.add_argument("--out", type=Path, help="where the Python code goes; replaced")
    parser.add_argument("--image", type=Path, help="where to write an image for buf (all files, with comments)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        validate = Path(scratch, "validate.binpb")
        validate.write_bytes(_validate_descriptors().SerializeToString())
        if options.out:
            _generate_code(options.proto, validate, options.out)
        if options.image:
            _write_image(options.proto, validate, options.image)


def _validate_descriptors() -> descriptor_pb2.FileDescriptorSet:
    """The descriptors of validate.proto and of what it and the contract import of google/protobuf, imports first."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2, struct_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    files.file.add().ParseFromString(validate_pb._DESC.proto.to_binary())
    return files


def _generate_code(proto: Path, validate: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    plugins = Path(sys.executable).parent
    python = [
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={out}",
        f"--mypy_out=quiet:{out}",
    ]
    _protoc(proto, validate, *python, files=[VALIDATE_PROTO])
    _protoc(proto, validate, *python, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}")
    for stub in out.rglob("*_pb2_grpc.py*"):
        if "add_" not in stub.read_text():  # a file without services
            stub.unlink()
    # The comments of the contract, for the API reference: descriptors in generated code carry none.
    _protoc(proto, validate, "--include_source_info", f"-o{out / 'sedifex' / 'descriptors.binpb'}")
    for package in [p for p in out.rglob("*") if p.is_dir()]:
        (package / "__init__.py").touch()
    for package in out.iterdir():
        (package / "py.typed").touch()


def _write_image(proto: Path, validate: Path, image: Path) -> None:
    """Writes a Buf image: a FileDescriptorSet whose files say whether they are ours or only imported.

    Buf reads the mark from field 8042 of each file, `ImageFileExtension{bool is_import = 1}` (buf.alpha.image.v1);
    without it, it would lint Google's files as well.
    """
    image.parent.mkdir(parents=True, exist_ok=True)
    _protoc(proto, validate, "--include_imports", "--include_source_info", f"-o{image}")
    files = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    for file in files.file:
        if not file.name.startswith("sedifex/"):
            file.MergeFromString(bytes.fromhex("d2f603 02 0801"))
    image.write_bytes(files.SerializeToString())


def _protoc(proto: Path, validate: Path, *arguments: str, files: list[str] | None = None) -> None:
    """Runs protoc on `files`, by default on every file of the contract.

    Raises:
        SystemExit: protoc found fault; it has said where.
    """
    own = files or sorted(str(path.relative_to(proto)) for path in proto.glob("sedifex/*/v*/*.proto"))
    spec = importlib.util.find_spec("google.api")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("google/api/*.proto are missing: pip install googleapis-common-protos")
    site_packages = Path(next(iter(spec.submodule_search_locations))).parents[1]
    wanted = ["protoc", f"-I{proto}", f"-I{site_packages}", f"--descriptor_set_in={validate}", *arguments, *own]
    if status := protoc.main(wanted):
        raise SystemExit(status)


if __name__ == "__main__":
    main()
