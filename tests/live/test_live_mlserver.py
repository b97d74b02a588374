"""A real MLServer, over REST and over gRPC: a second implementation, which differs where the protocol lets it."""

from __future__ import annotations

import pytest
from openinference_checks import ServerChecks
from servers import Server

pytestmark = pytest.mark.live_mlserver


class MLServer(ServerChecks):
    versions = ["detector/v1", "detector/v2"]

    @pytest.fixture
    def server(self, mlserver_server: Server) -> Server:
        return mlserver_server


class TestRest(MLServer):
    scheme = "http"


class TestGrpc(MLServer):
    scheme = "grpc"
