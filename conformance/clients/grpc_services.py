"""grpcio's own clients: health checks, reflection and deadlines. Argument: host:port."""

import sys

import grpc
from checks import report
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

channel = grpc.insecure_channel(sys.argv[1])
health = health_pb2_grpc.HealthStub(channel)
SERVING = health_pb2.HealthCheckResponse.SERVING


def check(service: str) -> str:
    status = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status
    return "" if status == SERVING else str(status)


def unknown_service() -> str:
    try:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=10)
    except grpc.RpcError as error:
        return "" if error.code() == grpc.StatusCode.NOT_FOUND else str(error)
    return "it was found"


def watch() -> str:
    call = health.Watch(health_pb2.HealthCheckRequest(service=""))
    first = next(call).status
    call.cancel()
    return "" if first == SERVING else str(first)


def reflected() -> str:
    """A call made of nothing but what the server tells of itself."""
    database = ProtoReflectionDescriptorDatabase(channel)
    if "inference.GRPCInferenceService" not in database.get_services():
        return f"services {database.get_services()}"
    service = DescriptorPool(database).FindServiceByName("inference.GRPCInferenceService")
    method = service.methods_by_name["ServerMetadata"]
    ask = channel.unary_unary(
        f"/{service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return "" if ask(GetMessageClass(method.input_type)()).name == "nitrous" else "another name"


def every_message() -> str:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    names = ["inference.ModelConfig", "inference.ModelInferRequest.InferInputTensor", "grpc.health.v1.HealthCheckResponse"]
    return next((name for name in names if pool.FindMessageTypeByName(name).full_name != name), "")


def unknown_method() -> str:
    try:
        channel.unary_unary("/inference.GRPCInferenceService/Nothing")(b"", timeout=10)
    except grpc.RpcError as error:
        return "" if error.code() == grpc.StatusCode.UNIMPLEMENTED else str(error)
    return "it was answered"


report("health of the server", lambda: check(""))
report("health of a service", lambda: check("inference.GRPCInferenceService"))
report("health of an unknown service", unknown_service)
report("health is watched", watch)
report("reflection", reflected)
report("reflection of messages", every_message)
report("an unknown method", unknown_method)
