"""What pyVmomi, TLS or the network raises, turned into the sentence the thread is told."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any
from xml.parsers.expat import ExpatError

from pyVmomi import vim, vmodl

from workers.errors import CheckError, VcenterRefused, VcenterUnreachable, VmNotFound
from workers.settings import VcenterSettings

BROKEN_CONNECTION = (ConnectionError, http.client.HTTPException, ssl.SSLEOFError, ExpatError)
"""What a kept connection shows once the server has closed it; worth one more try."""

EXPECTED = (OSError, http.client.HTTPException, ExpatError, vmodl.MethodFault)
"""Everything a call to vCenter may raise that is not a mistake of ours."""

# X509_V_ERR_* (openssl x509_vfy.h)
_NOT_YET_VALID, _EXPIRED = 9, 10
_SELF_SIGNED = 18
_HOSTNAME_MISMATCH, _ADDRESS_MISMATCH = 62, 64
_TOO_WEAK = {66, 67, 68}

UNOFFERED = (vmodl.fault.MethodNotFound, vmodl.fault.NotSupported, vmodl.fault.NotImplemented)
"""How a server says that it does not know a method: an old vCenter, a host, a simulator."""


def explain(trouble: BaseException, settings: VcenterSettings) -> CheckError:
    """The trouble as a ``CheckError``; ``trouble`` is one of ``EXPECTED`` or a ``CheckError``."""
    if isinstance(trouble, CheckError):
        return trouble
    if isinstance(trouble, vmodl.MethodFault):
        return _api_trouble(trouble, settings)
    where = f"vCenter {settings.host}"
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return _certificate_trouble(trouble, where, settings)
    if isinstance(trouble, TimeoutError):
        return unanswered(settings)
    if isinstance(trouble, http.client.HTTPException | ExpatError):
        return VcenterUnreachable(
            f"{where} answers with something else than the vSphere API ({_short(trouble)}).",
            next_step="vCenter may be starting up; otherwise check VCENTER_HOST and VCENTER_PORT.",
            retry=True,
        )
    how = "its name cannot be resolved" if isinstance(trouble, socket.gaierror) else _short(trouble)
    return VcenterUnreachable(
        f"{where} cannot be reached on port {settings.port}: {how}.",
        next_step="Check VCENTER_HOST, that vCenter runs and that the worker may reach it.",
        retry=True,
    )


def unanswered(settings: VcenterSettings) -> VcenterUnreachable:
    """VCenter accepted the connection, or not even that, and kept silent."""
    return VcenterUnreachable(
        f"vCenter {settings.host} does not answer in time.",
        next_step="Check vCenter's health and the path to it.",
        retry=True,
    )


def _certificate_trouble(
    trouble: ssl.SSLCertVerificationError, where: str, settings: VcenterSettings
) -> VcenterUnreachable:
    code = trouble.verify_code
    if code in {_HOSTNAME_MISMATCH, _ADDRESS_MISMATCH}:
        return VcenterUnreachable(
            f"The certificate of {where} was issued for another name.",
            next_step="Set VCENTER_HOST to a name that stands in vCenter's certificate.",
        )
    if code in {_EXPIRED, _NOT_YET_VALID}:
        return VcenterUnreachable(
            f"The certificate of {where} {'has expired' if code == _EXPIRED else 'is not valid yet'}.",
            next_step="Renew vCenter's certificate, or set this machine's clock right.",
        )
    if code in _TOO_WEAK:
        return VcenterUnreachable(
            f"The certificate of {where} is too weak for this machine: {trouble.verify_message}.",
            next_step="Give vCenter a certificate with a key of 2048 bits or more;"
            " VCENTER_INSECURE=1 turns the check off.",
        )
    if code == _SELF_SIGNED:
        signer = "vCenter's own certificate, which is self-signed"
    else:
        signer = (
            "the CA certificate that signed it (vCenter offers it at https://…/certs/download.zip)"
        )
    file = settings.ca_file.name if settings.ca_file else None
    return VcenterUnreachable(
        f"The certificate of {where} is not trusted"
        f"{f' by {file}' if file else ''}: {trouble.verify_message}.",
        next_step=f"Set VCENTER_CA_FILE to {signer}; VCENTER_INSECURE=1 turns the check off.",
    )


def _api_trouble(fault: Any, settings: VcenterSettings) -> CheckError:
    if isinstance(fault, vim.fault.InvalidLogin):
        return VcenterRefused(
            f"vCenter {settings.host} refuses the login of {settings.user}.",
            next_step="Check VCENTER_USER and VCENTER_PASSWORD.",
        )
    if isinstance(fault, vim.fault.NotAuthenticated):
        return VcenterRefused(
            f"vCenter {settings.host} ended the session of {settings.user} again and again.",
            next_step="Check the session limits of that account.",
        )
    if isinstance(fault, vim.fault.NoPermission):
        return VcenterRefused(
            f"vCenter does not let {settings.user} do this: privilege {fault.privilegeId} is missing.",
            next_step=f"Give that account a role with {fault.privilegeId}.",
        )
    if isinstance(fault, UNOFFERED):
        method = getattr(fault, "method", None)
        return VcenterUnreachable(
            f"{settings.host} does not offer a method that is needed"
            f"{f', {method}' if method else ''}: {_short(fault)}.",
            next_step="VCENTER_HOST must be a vCenter, 6.0 or newer.",
        )
    if isinstance(fault, vmodl.fault.ManagedObjectNotFound):
        return VmNotFound("The VM or its host vanished from vCenter in the middle of the look-up.")
    return VcenterUnreachable(
        f"vCenter {settings.host} failed: {_short(fault)}.",
        next_step="Try again; if it stays, look into vCenter's own events.",
        retry=True,
    )


def _short(trouble: BaseException) -> str:
    text = getattr(trouble, "msg", None) or getattr(trouble, "strerror", None) or str(trouble)
    words = " ".join(str(text).split()) or type(trouble).__name__
    return words[:200].rstrip(".")
