"""The advice about failures in Simplified Chinese, for the pages that speak it; a model is told in English.

A failure is kept with its advice in English, in which names are filled in already. So a text is known by the words
around its names, and these are put into the Chinese ones.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from apixo_mcp.generation import Failure, NextAction

_NAME = re.compile(r"\{(\w+)\}")

_BY_ACTION: Mapping[NextAction, str] = {
    NextAction.SEE_INPUTS: "可以在对话中查询这个模型接受哪些输入。",
    NextAction.SEE_MODELS: "可以在对话中查询所有可用的模型。",
    NextAction.USE_KEY: "然后重新启动服务器；`apixo-mcp tasks rekey --all` 用新密钥继续未完成的任务。",
    NextAction.REREAD: "`apixo-mcp tasks reread {task_id}` 会重新读取。",
    NextAction.RESTART: "然后重新启动服务器。",
    NextAction.EXAMINE: "如果仍然如此，请运行 `apixo-mcp doctor`。",
}


def chinese_advice(failure: Failure, task_id: str = "") -> str:
    """Returns what to do about a failure in Simplified Chinese, empty where it is known in English alone."""
    action = failure.next_action
    if action is not None and action not in _BY_ACTION:
        return ""
    known = _by_advice()
    chinese = known.get(failure.advice) or next(
        (text for english, words in known.items() if (text := _filled(english, words, failure.advice))), ""
    )
    onward = _BY_ACTION[action].replace("{task_id}", task_id) if action is not None else ""
    return f"{chinese}{onward}" if chinese else ""


@cache
def _by_advice() -> Mapping[str, str]:
    text = (resources.files("apixo_mcp") / "views" / "chinese.toml").read_text(encoding="utf-8")
    return {one["english"]: one["chinese"] for one in tomllib.loads(text)["advice"]}


def _filled(english: str, chinese: str, advice: str) -> str:
    """Returns Chinese words with the names that an advice has; empty where it is another one than the English words."""
    first, *pieces = _NAME.split(english)[::2]
    if not pieces or not advice.startswith(first) or not advice.endswith(pieces[-1]):
        return ""
    rest, values = advice[len(first) : len(advice) - len(pieces[-1])], list[str]()
    for piece in pieces[:-1]:
        value, is_there, rest = rest.partition(piece)
        if not is_there:
            return ""
        values.append(value)
    named = dict(zip(_NAME.findall(english), [*values, rest], strict=True))
    return _NAME.sub(lambda match: named[match[1]], chinese)
