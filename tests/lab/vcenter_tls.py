"""A host name or address turned into a certificate of a certificate authority made for the lab."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 30

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class LabCertificate:
    """A server's certificate with its key, and the CA that signed it; all PEM."""

    ca_pem: str
    certificate_pem: str
    key_pem: str

    def server_context(self) -> ssl.SSLContext:
        """A TLS context for the server's side."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # a server may show a key its client refuses
        with tempfile.TemporaryDirectory() as folder:
            chain = Path(folder, "server.pem")
            chain.write_text(self.certificate_pem + self.key_pem)
            context.load_cert_chain(chain)
        return context


def make_certificate(*names: str, starts_days: int = -1, bits: int | None = None) -> LabCertificate:
    """A fresh CA and a server certificate for these DNS names and addresses.

    It is valid from so many days from today on, for DAYS. ``bits`` makes the server's key an RSA one.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab CA")])
    ca = (
        _builder(ca_name, ca_name, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    key: Key = ec.generate_private_key(ec.SECP256R1())
    if bits is not None:
        key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        _builder(subject, ca_name, key, starts_days)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    return LabCertificate(_pem(ca), _pem(certificate), _key_pem(key))


def make_self_signed(name: str) -> LabCertificate:
    """A certificate that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = _pem(
        _builder(subject, subject, key)
        .add_extension(x509.SubjectAlternativeName([_name(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return LabCertificate(certificate, certificate, _key_pem(key))


def _key_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, starts_days: int = -1
) -> x509.CertificateBuilder:
    today = datetime.combine(
        date.today(),  # noqa: DTZ011 - a day's margin on both sides covers every zone
        time(),
        tzinfo=UTC,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + timedelta(days=starts_days))
        .not_valid_after(today + timedelta(days=starts_days + DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
