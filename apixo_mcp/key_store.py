"""API keys in the system's own store: the Keychain, the Windows Credential Locker or a Secret Service.

The library is the extra `keyring`, which is loaded where a key is asked of the store, and nowhere else.
"""

from apixo_mcp.errors import SettingsError

_SERVICE = "apixo-mcp"


def stored_key(variable: str) -> str:
    """Returns the key that is kept under a variable's name, empty where there is none.

    Raises:
        SettingsError: the store cannot be read.
    """
    try:
        import keyring

        return keyring.get_password(_SERVICE, variable) or ""
    except Exception as error:  # of the library's backends each has errors of its own
        raise _unusable(error) from None


def store_key(variable: str, key: str) -> None:
    """Keeps a key under a variable's name.

    Raises:
        SettingsError: the store cannot be written.
    """
    try:
        import keyring

        keyring.set_password(_SERVICE, variable, key)
    except Exception as error:
        raise _unusable(error) from None


def forget_key(variable: str) -> None:
    """Removes the key that is kept under a variable's name, if there is one.

    Raises:
        SettingsError: the store cannot be written.
    """
    if not stored_key(variable):
        return
    try:
        import keyring

        keyring.delete_password(_SERVICE, variable)
    except Exception as error:
        raise _unusable(error) from None


def _unusable(error: Exception) -> SettingsError:
    if isinstance(error, ImportError):
        from apixo_mcp.installation import adding  # loaded where something is missing alone

        return SettingsError(f"APIXO_MCP_KEYRING: the extra `keyring` is not installed. {adding('keyring')}")
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return SettingsError(
        f"APIXO_MCP_KEYRING: the system's key store cannot be used ({reason}). "
        "Unlock it, or set the key as a variable and APIXO_MCP_KEYRING=0."
    )
