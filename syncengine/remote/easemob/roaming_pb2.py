"""The message classes of ``schema/wire/roaming.proto``.

Built at import from the descriptor that ``make proto`` compiles, instead of from
protoc's Python output: that output refuses every protobuf runtime older than the
compiler, and would pin our users' other programs. The types are in the generated
``roaming_pb2.pyi``. The descriptor pool is private, so that a program with its own
copy of the vendor's schema can load both.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from syncengine.schema_files import schema_path


def _load() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    compiled = descriptor_pb2.FileDescriptorSet.FromString(
        schema_path("wire", "roaming.binpb").read_bytes()
    )
    for file in compiled.file:
        pool.Add(file)
    return pool


_pool = _load()


def _message(name: str) -> type:
    descriptor = _pool.FindMessageTypeByName(f"syncengine.easemob.{name}")
    return message_factory.GetMessageClass(descriptor)


JID = _message("JID")
KeyValue = _message("KeyValue")
Meta = _message("Meta")
MessageBody = _message("MessageBody")
