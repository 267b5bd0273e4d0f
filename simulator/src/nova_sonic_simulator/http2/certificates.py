"""The TLS certificate of the simulator, issued by a private authority made at the first start.

The authority's key is discarded, so trusting `ca.pem` means trusting this one certificate. The files
are reused while they are valid, because clients cache what they trust.
"""

import datetime as dt
import fcntl
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

NAMES = ("localhost", "127.0.0.1")
LIFE = dt.timedelta(days=365)
SPARE = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of the three files."""

    ca_file: Path
    cert_file: Path
    key_file: Path

    def server_context(self) -> ssl.SSLContext:
        """Return a server-side TLS context that negotiates HTTP/2 only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.cert_file, self.key_file)
        context.set_alpn_protocols(["h2"])
        return context


def open_certificates(folder: Path, *, now: dt.datetime) -> Certificates:
    """Return the certificate in `folder`; a missing, invalid or expiring one is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Certificates(
        ca_file=folder / "ca.pem", cert_file=folder / "cert.pem", key_file=folder / "key.pem"
    )
    with _alone_in(folder):
        if not _is_valid(found, now):
            _make(found, now)
    return found


def _is_valid(files: Certificates, now: dt.datetime) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(files.ca_file.read_bytes())
        certificate = x509.load_pem_x509_certificate(files.cert_file.read_bytes())
        key = load_pem_private_key(files.key_file.read_bytes(), password=None)
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 -- whatever is wrong with the files, they are replaced
        return False
    return (
        key.public_key() == certificate.public_key()
        and certificate.not_valid_before_utc <= now
        and now + SPARE < certificate.not_valid_after_utc
    )


def _make(files: Certificates, now: dt.datetime) -> None:
    authority = trustme.CA(organization_name="Nova Sonic simulator, this machine only")
    certificate = authority.issue_cert(*NAMES, not_after=now + LIFE)
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    _write(files.key_file, certificate.private_key_pem.bytes(), mode=0o600)
    _write(files.cert_file, chain, mode=0o644)
    _write(files.ca_file, authority.cert_pem.bytes(), mode=0o644)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file atomically, with its permissions set from the start."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a file lock, so that two simulators started together do not mix their files."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
