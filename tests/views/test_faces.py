"""What to do next, in each face's own words."""

import re
from dataclasses import replace

import pytest

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import ApixoError, InvalidInput, NotFound, Problem
from apixo_mcp.generation import Failure, NextAction
from apixo_mcp.views.faces import CHAT, SHELL, TYPED_CHAT, Face, advice_of, error_text, with_action
from apixo_mcp.views.models import tool_of

ID = "tsk_" + "a" * 26
FAILURE = Failure(code="X", category="unknown", message="no", advice="Do {that}.", retryable=False, charged="no")
TOOLS = re.compile(r"\b(generate_\w+|\w+_tasks?|\w+_models?|\w+_results?)\b")


@pytest.mark.parametrize("face", [CHAT, SHELL, TYPED_CHAT])
@pytest.mark.parametrize("action", NextAction)
def test_each_face_has_a_sentence_for_each_action(action: NextAction, face: Face):
    for task_id in ("", ID):
        text = with_action("Plain.", action, face, task_id)
        if action is NextAction.UPLOAD:
            assert text == "Plain.", "the server adds the link"
            continue
        assert text.startswith("Plain. ")
        assert text.endswith(".")
        assert not set("{}") & set(text)
        if face is SHELL:
            assert not TOOLS.search(text.replace("TASK_ID", ""))


@pytest.mark.parametrize("face", [CHAT, SHELL])
@pytest.mark.parametrize("name", SHELL.names)
def test_each_face_has_each_name(name: str, face: Face):
    assert not set("{}") & set(
        face.say(f"{{{name}}}", ID, seconds=3, waits="50", modality="image", model="x", variable="KEY", site="here")
    )


def test_what_others_wrote_stays_as_it_is():
    assert advice_of(FAILURE, CHAT) == "Do {that}."
    assert advice_of(replace(FAILURE, next_action=NextAction.SEE_INPUTS), CHAT).startswith("Do {that}. describe_model ")


@pytest.mark.parametrize(
    ("error", "chat", "shell"),
    [
        (
            NotFound("There is no task x.", next_action=NextAction.SEE_TASKS),
            "There is no task x. list_tasks shows all of yours.",
            "There is no task x. `apixo-mcp tasks list` shows all of yours.",
        ),
        (
            InvalidInput(
                [Problem("model", "x", "x makes audio", next_action=NextAction.MAKE_AUDIO), Problem("seed", "", "none")]
            ),
            "model: x makes audio (got x). Use generate_audio.\nseed: none.",
            "model: x makes audio (got x). Use `apixo-mcp generate`.\nseed: none.",
        ),
        (ApixoError("Plain."), "Plain.", "Plain."),
    ],
)
def test_an_error_is_told_with_what_to_do(error: ApixoError, chat: str, shell: str):
    assert (error_text(error, CHAT), error_text(error, SHELL)) == (chat, shell)


def test_a_task_is_named_where_it_is_known():
    assert CHAT.say("{check}", ID) == f'check_task with task_id "{ID}"'
    assert SHELL.say("{check}", ID) == f"`apixo-mcp tasks wait {ID}`"
    assert (CHAT.say("{check}"), SHELL.say("{check}")) == ("check_task", "`apixo-mcp tasks wait TASK_ID`")


def test_what_makes_something_with_a_model():
    model = Catalog().find("nano-banana")
    assert [tool_of(model, face) for face in (CHAT, TYPED_CHAT, SHELL)] == [
        "generate_image",
        "generate_nano_banana",
        "`apixo-mcp generate`",
    ]
