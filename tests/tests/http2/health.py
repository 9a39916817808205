"""Servers of gRPC for tests: health.py DIRECTORY CERTIFICATE KEY

Port 9001 and, over TLS, port 9443 have a health service. Of a service NAME it says what is in the file DIRECTORY/NAME; the server as a
whole is called `all`. Port 9002 has no health service.
"""

import os
import sys
import time
from concurrent import futures

import grpc

# HealthCheckResponse
STATUS = {"UNKNOWN": b"\x08\x00", "SERVING": b"\x08\x01", "NOT_SERVING": b"\x08\x02", "SERVICE_UNKNOWN": b"\x08\x03"}
RAW = {"empty": b"", "garbage": b"\xff\xff\xff", "long": b"\x12\xff\x7f" + bytes(16383)}


def service_of(request):
    """`service` of a HealthCheckRequest whose length has one byte."""
    return request[2:].decode() if request else "all"


def check(directory):
    def answer(request, context):
        service = service_of(request)
        metadata = dict(context.invocation_metadata())
        if service == "secret" and metadata.get("authorization") != "Bearer key":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        try:
            with open(os.path.join(directory, service)) as file:
                word = file.read().strip()
        except FileNotFoundError:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        if word == "hang":
            time.sleep(20)
        if word == "raise":
            raise RuntimeError("as told")
        if word in RAW:
            return RAW[word]
        if word in STATUS:
            return STATUS[word]
        context.abort(grpc.StatusCode[word], "as told")

    return answer


def server(health, port, credentials=None):
    result = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
    if health:
        methods = {"Check": grpc.unary_unary_rpc_method_handler(health)}
        result.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods),))
    if credentials:
        result.add_secure_port("0.0.0.0:%d" % port, credentials)
    else:
        result.add_insecure_port("0.0.0.0:%d" % port)
    result.start()
    return result


def main():
    directory, certificate, key = sys.argv[1:]
    read = lambda path: open(path, "rb").read()
    tls = grpc.ssl_server_credentials([(read(key), read(certificate))])
    health = check(directory)
    servers = [server(health, 9001), server(None, 9002), server(health, 9443, tls)]
    print("ready", flush=True)
    for each in servers:
        each.wait_for_termination()


main()
