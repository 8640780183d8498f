"""Puts together who pays: the accounts of the server's own keys, and those of owners."""

from pydantic import SecretStr

from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.gateways.gateway import Gateway
from apixo_mcp.net.http import Http
from apixo_mcp.owners.own_keys import KeyRing, OwnKeys
from apixo_mcp.settings import Settings
from apixo_mcp.stores.store import TaskStore
from apixo_mcp.tasks.accounts import Account, Accounts, key_fingerprint
from apixo_mcp.tasks.ports.store import KEY_SALT
from apixo_mcp.variables.environment import value_of


async def accounts_of(settings: Settings, store: TaskStore, http: Http) -> tuple[Accounts, OwnKeys]:
    """Returns the accounts of the server's keys, and what adds those of owners to them."""
    salt = await store.secret(KEY_SALT)

    def print_of(name: str, key: str) -> str:
        return key_fingerprint(f"{name} {settings.base_urls[name]} {key}", salt)

    def account_of(name: str, key: str, called: str = "") -> Account:
        base_url = settings.base_urls[name].rstrip("/")

        def load() -> Gateway:
            from apixo_mcp.gateways.client import Client

            gateway: Gateway = GATEWAYS[name].load()(http, SecretStr(key), base_url)
            if called and isinstance(gateway, Client):
                gateway.name_key(called)
            return gateway

        return Account(name=name, base_url=base_url, key_print=print_of(name, key), load=load)

    accounts = Accounts()
    for name, key in settings.keys.items():
        accounts.add(account_of(name, key.get_secret_value()))
    ring = KeyRing(value_of=value_of, print_of=print_of, account_of=account_of)
    return accounts, OwnKeys(store.owners, store, accounts, ring)
