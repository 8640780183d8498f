"""What is said to a client of the server, said in a shell."""

import pytest

from apixo_mcp.cli.words import in_shell


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("list_models shows all 60.", "`apixo-mcp models list` shows all 60."),
        ("Call check_task again.", "Call `apixo-mcp tasks download TASK_ID` again."),
        ('download_results with task_id "tsk_a" tries again', "`apixo-mcp tasks download tsk_a` tries again"),
        ("my_list_models is no tool", "my_list_models is no tool"),
    ],
)
def test_a_command_stands_in_place_of_a_tool(told: str, said: str):
    assert in_shell(told) == said
