"""Certificates of a private authority, and some that are of no use."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
LOCALHOST = [x509.DNSName("localhost")]
KEY_PASSWORD = "of the key"


def make_certificates(folder: Path) -> Path:
    """Write `NAME.pem` and `NAME.key` for each name below; servers are called localhost, a cluster's node 127.0.0.1."""
    authority, other = _make(folder, "authority"), _make(folder, "other-authority")
    _make(folder, "server", authority, LOCALHOST)
    _make(folder, "node", authority, [x509.IPAddress(ip_address("127.0.0.1"))])
    _make(folder, "expired", authority, LOCALHOST, days=-1)
    _make(folder, "client", authority)
    _make(folder, "stranger", other)
    _make(folder, "locked", authority, encryption=BestAvailableEncryption(KEY_PASSWORD.encode()))
    return folder


def _make(
    folder: Path,
    name: str,
    issuer: Issuer | None = None,
    alternatives: Sequence[x509.GeneralName] = (),
    days: int = 1,
    encryption: KeySerializationEncryption | None = None,
) -> Issuer:
    """Write a certificate that is valid for some days from now, an authority's if nobody issues it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer_name=issuer[0].subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=2),
        not_valid_after=now + timedelta(days=days),
    ).add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    )
    return certificate, key
