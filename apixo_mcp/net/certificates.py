"""The certificates that https is checked against: this system's, or those that a variable names."""

import os
import ssl
from pathlib import Path

import httpx2

from apixo_mcp.errors import SettingRefused
from apixo_mcp.variables.environment import value_of


def tls_context() -> ssl.SSLContext:
    """Tells what checks the certificates of servers.

    Raises:
        SettingRefused: a variable names certificates that cannot be used.
    """
    file, folders = value_of("SSL_CERT_FILE"), value_of("SSL_CERT_DIR")
    if file:
        return _of("SSL_CERT_FILE", file)
    if folders:
        return _of("SSL_CERT_DIR", folders)
    return httpx2.create_ssl_context(trust_env=False)


def unusable_certificates() -> list[str]:
    """Tells what is wrong with the certificates that are set."""
    try:
        tls_context()
    except SettingRefused as error:
        return [str(error)]
    return []


def _of(variable: str, value: str) -> ssl.SSLContext:
    advice = "; correct the path or take the variable out, then the certificates of this system count"
    try:
        if variable == "SSL_CERT_DIR":
            if not any(folder.is_dir() and any(folder.iterdir()) for folder in map(Path, value.split(os.pathsep))):
                raise SettingRefused(variable, f"{value[:200]} is not a folder with certificates{advice}")
            return ssl.create_default_context(capath=value)
        if not Path(value).is_file():
            raise SettingRefused(variable, f"there is no file {value[:200]}{advice}")
        context = ssl.create_default_context(cafile=value)
        if context.cert_store_stats()["x509"]:
            return context
    except (OSError, ValueError):  # ssl.SSLError is one of the first
        pass
    raise SettingRefused(variable, f"{value[:200]} holds no certificate that can be read{advice}")
