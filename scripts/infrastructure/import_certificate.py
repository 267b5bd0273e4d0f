"""Import a self-signed certificate into the local AWS's ACM and print its ARN.

The AWS provider waits minutes for a certificate that a listener names and ACM does not know.
"""

from datetime import UTC, datetime, timedelta

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voz.example.com")])
now = datetime.now(UTC)  # noqa: TID251 -- a script reads the clock
certificate = (
    x509.CertificateBuilder()
    .subject_name(name)
    .issuer_name(name)
    .public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - timedelta(days=1))
    .not_valid_after(now + timedelta(days=30))
    .sign(key, hashes.SHA256())
)
answer = boto3.client("acm", region_name="us-east-1").import_certificate(
    Certificate=certificate.public_bytes(serialization.Encoding.PEM),
    PrivateKey=key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ),
)
print(answer["CertificateArn"])
