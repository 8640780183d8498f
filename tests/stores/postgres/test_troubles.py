"""What is said of a server that fails does not hang on the language that it speaks."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from support.postgres import Cluster, binaries, running_postgres

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.postgres.store import PostgresStore
from apixo_mcp.stores.postgres.troubles import is_of_former_schema

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

LOCALES = {"de_DE": "existiert nicht", "zh_CN": "不存在"}


@pytest.fixture(scope="module")
def foreign() -> Iterator[Cluster]:
    """A server that can speak other languages."""
    programs = binaries()
    if programs is None or shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/de_DE").exists():
        pytest.skip("there is no Postgres here, or no locale can be made (apt-get install postgresql locales)")
    with TemporaryDirectory(prefix="locales-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)  # the server runs as another user
        for name in LOCALES:
            made = ["localedef", "--no-archive", "-i", name, "-f", "UTF-8", f"{folder}/{name}.UTF-8"]
            subprocess.run(made, check=False, capture_output=True)  # ends with 1 where it warns
        patch.setenv("LOCPATH", folder)
        with running_postgres(programs) as cluster:
            yield cluster


@pytest.fixture(params=LOCALES)
def server(foreign: Cluster, request: pytest.FixtureRequest) -> Cluster:
    foreign.run(f"alter system set lc_messages = '{request.param}.UTF-8'")
    foreign.run("select pg_reload_conf()")
    for _ in range(600):
        with pytest.raises(psycopg.OperationalError) as refused:
            foreign.run("select 1", database="not_there")
        if LOCALES[request.param] in str(refused.value):
            return foreign
    pytest.skip("this Postgres speaks English alone")


async def told_of(url: str) -> str:
    with pytest.raises(StoreError) as error:
        async with PostgresStore(url):
            pass
    return str(error.value)


async def test_a_database_that_is_not_there(server: Cluster):
    assert (await told_of(server.url("not_there"))).endswith(
        "Create the database, or name another one in APIXO_MCP_DATABASE_URL."
    )


async def test_a_database_that_lets_the_user_not_in_and_one_that_takes_no_more(server: Cluster):
    server.run("create role stranger login")
    with server.database() as closed, server.database() as full:
        server.run(f"revoke connect on database {closed} from public")
        server.run(f"alter database {full} connection limit 0")
        told = {name: await told_of(server.url(name).replace("//tester:", "//stranger:")) for name in (closed, full)}
    server.run("drop role stranger")
    assert "the right to connect, and to create, read and write tables" in told[closed]
    assert "let it and this user have more connections" in told[full]


async def test_a_user_that_is_not_there(server: Cluster):
    told = await told_of(server.url().replace("//tester:", "//nobody_of_that_name:"))
    assert "The server refuses: check the user, the password and the database in APIXO_MCP_DATABASE_URL" in told


async def test_a_server_that_is_not_reached_is_not_taken_for_one_that_refuses(server: Cluster):
    told = await told_of(server.url().replace(f":{server.port}", ":1"))
    assert told.endswith("Check that the server runs and can be reached, and try again.")


def test_a_statement_of_a_former_schema_is_known(server: Cluster):
    with server.database() as name, psycopg.connect(server.url(name), autocommit=True, prepare_threshold=0) as line:
        line.execute("create table pictures (one integer)")
        line.execute("select * from pictures")
        server.run("alter table pictures add two integer", name)
        with pytest.raises(psycopg.errors.FeatureNotSupported) as error:
            line.execute("select * from pictures")
        assert is_of_former_schema(error.value)
        with pytest.raises(psycopg.errors.FeatureNotSupported) as other:
            line.execute("select one from pictures group by one for update")
        assert not is_of_former_schema(other.value)
