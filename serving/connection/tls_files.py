"""The files that REDIS_URL names for TLS, looked at before anything connects.

In: the options of an address. Out: what is wrong with the files, or a context made of them. redis-py itself says of a
file that is missing only that there is no such file, and asks at the terminal for the password of a key.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def wrong_tls_file(options: Mapping[str, Any]) -> str | None:
    """Return what is wrong with certificates and keys, and what to do; None if nothing is.

    Args:
        options: of the connection, as redis-py keeps them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _wrong_authority(context, options) or _wrong_certificate(context, options)


def unchecked_context(options: Mapping[str, Any]) -> ssl.SSLContext:
    """Return a context with the client's certificate that trusts any server, to ask whether it trusts the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _wrong_certificate(context, options)
    return context


def _wrong_authority(context: ssl.SSLContext, options: Mapping[str, Any]) -> str | None:
    folder, file = options.get("ssl_ca_path"), options.get("ssl_ca_certs")
    if folder is not None and not Path(folder).is_dir():
        return "ssl_ca_path names no folder; write the full path of one with certificates of authorities"
    try:
        if file is not None:
            context.load_verify_locations(file)
    except OSError as error:
        return f"the file of ssl_ca_certs {_trouble(error)}; write the full path of a file of certificates in PEM"
    return None


def _wrong_certificate(context: ssl.SSLContext, options: Mapping[str, Any]) -> str | None:
    certificate, key = options.get("ssl_certfile"), options.get("ssl_keyfile")
    if certificate is None and key is None:
        return None
    try:
        context.load_cert_chain(certificate or "", key, options.get("ssl_password") or "")
    except OSError as error:
        return (
            f"a file of ssl_certfile and ssl_keyfile {_trouble(error)}; write the full paths of a certificate and of "
            "its key in PEM, and the key's password, if it has one, as ssl_password"
        )
    return None


def _trouble(error: OSError) -> str:
    """Say why a file is of no use, in the words of the system; OpenSSL's are about its own insides."""
    if isinstance(error, ssl.SSLError):
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        return "belongs to another certificate" if mismatch else "is not what it must be"
    return f"cannot be read ({error.strerror})"
