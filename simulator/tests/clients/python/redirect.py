"""Points clients that use the AWS SDK for Python at the simulator, without changing them.

The frameworks build the endpoint from the Region, and the CRT transport has no setting for a certificate
authority; both are replaced here, in the client's process. Import this module first.
"""

import os

import awscrt.io
import aws_sdk_bedrock_runtime.client as sdk

URL = os.environ["SIMULATOR_URL"]
CA_FILE = os.environ["SIMULATOR_CA_FILE"]

os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.setdefault("AWS_REGION", "us-east-1")


def _trust_the_simulator() -> None:
    original = awscrt.io.ClientTlsContext.__init__

    def create(self, options):
        options.override_default_trust_store_from_path(None, CA_FILE)
        original(self, options)

    awscrt.io.ClientTlsContext.__init__ = create


def _use_the_endpoint() -> None:
    for name in ("AsyncBedrockRuntimeClient", "BedrockRuntimeClient"):
        client = getattr(sdk, name, None)
        if client is None:
            continue
        original = client.__init__

        def create(self, config=None, *args, _original=original, **options):
            config.endpoint_uri = URL
            _original(self, config, *args, **options)

        client.__init__ = create


_trust_the_simulator()
_use_the_endpoint()
