"""What each error of a gateway means, and what its reader can do about it. Pure."""

import re
from dataclasses import dataclass

from apixo_mcp.foreign import cut
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.gateway import EMPTY_RESULT
from apixo_mcp.generation import Category, Charged, Failure, NextAction


@dataclass(frozen=True, slots=True)
class FailureMeaning:
    """One kind of failure. In `advice`, {gateway}, {setting} and {dashboard} are filled in."""

    category: Category
    advice: str
    retryable: bool = False
    next_action: NextAction | None = None


_POLICY = FailureMeaning(
    "content_policy",
    "Content rules refused it. Reword the prompt without what may count as violent, sexual, hateful, a real person or "
    "a protected brand, or take other input media; sent again unchanged it is refused again.",
)
_POLICY_IMAGE = FailureMeaning(
    "content_policy",
    "Content rules refused an input image. Take another image, or crop out what may offend; sent again unchanged it is "
    "refused again.",
)
_POLICY_OUTPUT = FailureMeaning(
    "content_policy",
    "Content rules refused the input or what came out of it. Try again with a different prompt or other input media.",
)
_PROMPT_LONG = FailureMeaning("invalid_input", "Shorten the prompt.", next_action=NextAction.SEE_INPUTS)
_PROMPT = FailureMeaning("invalid_input", "Write a prompt that is not empty and says what to make, as plain text.")
_INPUT = FailureMeaning("invalid_input", "Correct the input that the message names.", next_action=NextAction.SEE_INPUTS)
_IMAGE_URL = FailureMeaning(
    "media_input",
    "Give image URLs that open for anyone, without a login, straight to a JPEG, PNG or WebP file of at most 10 MB.",
)
_IMAGE_LARGE = FailureMeaning("media_input", "Use a smaller image: at most 10 MB each.")
_FORMAT = FailureMeaning("media_input", "Convert the input file: images must be JPEG, PNG or WebP.")
_DOWNLOAD = FailureMeaning(
    "media_input",
    "The gateway could not fetch an input file. Check that its URL opens for anyone without a login, then try again.",
    retryable=True,
)
_AUDIO_URL = FailureMeaning(
    "media_input", "Give an audio URL that opens for anyone, without a login, straight to the file."
)
_LORA_URL = FailureMeaning(
    "media_input", "Give a LoRA URL that opens for anyone, without a login, straight to the file."
)
_MEDIA = FailureMeaning(
    "media_input",
    "Check the input media: each URL must open for anyone without a login, in a format and size that the model takes.",
    next_action=NextAction.SEE_INPUTS,
)
_TIMEOUT = FailureMeaning(
    "timeout", "It took the model too long. The same request may succeed in a few seconds.", retryable=True
)
_UNAVAILABLE = FailureMeaning(
    "unavailable",
    "The model or service is not available just now. Try again in a few minutes, or use another model.",
    retryable=True,
)
# The documents say to try once with other parameters, which is not the same request (APIXO error-codes page).
_GENERATION = FailureMeaning(
    "generation_failed",
    "The model could not make it. Try once more with a changed prompt or other parameters, or use another model.",
)
_CREDITS = FailureMeaning(
    "insufficient_credits", "The {gateway} account has too few credits. Add credits at {dashboard}, then try again."
)
_AUTH = FailureMeaning(
    "auth",
    "{gateway} did not accept the API key. Set {setting} to a valid key from {dashboard}.",
    next_action=NextAction.USE_KEY,
)
_PERMISSION = FailureMeaning(
    "auth",
    "{gateway} does not let this API key do that. Check at {dashboard} what the key in {setting} may be used for, and "
    "its list of allowed IP addresses.",
)
_RATE = FailureMeaning(
    "rate_limited",
    "Too many requests or tasks at once. Wait a minute, then try again with fewer at a time.",
    retryable=True,
)
_MODEL = FailureMeaning(
    "invalid_input",
    "{gateway} does not offer this model to this account, or spells it otherwise. Choose another one.",
    next_action=NextAction.SEE_MODELS,
)
TOO_LARGE = "The request is too large. Give fewer or smaller input files, by URL where you can, and a shorter prompt."
_LARGE = FailureMeaning("invalid_input", TOO_LARGE)
_UNKNOWN = FailureMeaning(
    "unknown",
    "{gateway} gave a reason that is not documented. Read the message, change what it names, and try again if nothing "
    "speaks against it.",
)

# APIXO error-codes page (older and newer family) and model pages; keys without case and underscores.
_FAIL_CODES: dict[str, FailureMeaning] = {
    "contentviolation": _POLICY,
    "nsfwdetected": _POLICY,
    "nsfw": _POLICY,
    "sensitivecontent": _POLICY,
    "sensitivecontentdetected": _POLICY,
    "prohibitedcontentdetected": _POLICY,
    "inputimagesensitivecontentdetected": _POLICY_IMAGE,
    "inputoutputsensitivecontentdetected": _POLICY_OUTPUT,
    "prompttoolong": _PROMPT_LONG,
    "promptlengthexceeded": _PROMPT_LONG,
    "invalidprompt": _PROMPT,
    "invalidimageurl": _IMAGE_URL,
    "imagetoolarge": _IMAGE_LARGE,
    "unsupportedformat": _FORMAT,
    "imagedownloadfailed": _DOWNLOAD,
    "processingtimeout": _TIMEOUT,
    "modelunavailable": _UNAVAILABLE,
    "generationfailed": _GENERATION,
    "insufficientcredits": _CREDITS,
    "invalidloraurl": _LORA_URL,  # APIXO ltx-2-19b page
    "invalidaudiourl": _AUDIO_URL,  # APIXO infinitetalk page
}

# APIXO best practices guide and error-codes page.
_TRANSIENT = frozenset({"processingtimeout", "modelunavailable"})

# For codes and texts that no page lists; the first that fits; of two parts the second stands behind. Inferred.
_BY_WORDS: tuple[tuple[str | tuple[str, str], FailureMeaning], ...] = (
    (
        r"积分不足|余额不足|insufficient ?(credit|balance|fund|quota)|(credit|balance)s? ?(too ?low|not ?enough)",
        _CREDITS,
    ),
    (r"模型不存在|未找到支持模型", _MODEL),
    (
        r"sensitive|nsfw|prohibited|violat|moderat|content ?polic|safety|unsafe|inappropriate|敏感|违规|审核|违禁|色情",
        _POLICY,
    ),
    (r"rate ?limit|too ?many|concurren|请求频率|频率限制", _RATE),
    (r"api ?key|unauthori[sz]ed|未授权", _AUTH),
    (("prompt", "long|length|exceed"), _PROMPT_LONG),
    (
        ("image|audio|video|lora|media|file|reference", "url|download|format|large|size|access|fetch|load|reach"),
        _MEDIA,
    ),
    (r"url|download|unsupported ?format|too ?large|图片|下载", _MEDIA),
    (r"time(d)? ?out|deadline|超时", _TIMEOUT),
    (r"unavailable|overload|offline|maintenance|busy|capacity|服务器繁忙|繁忙|维护", _UNAVAILABLE),
    (("prompt", "invalid|empty|missing|required"), _PROMPT),
    (r"invalid ?prompt|提示词", _PROMPT),
    (r"invalid|unsupported|missing|required|parameter|参数|not ?support|不支持", _INPUT),
    (r"fail|error|失败|错误", _GENERATION),
)
# Ruxa AI's texts (seen in a public client); they decide whatever code they come with.
_DECISIVE = re.compile("积分不足|余额不足|模型不存在|未找到支持模型")
_CONTENT = re.compile(
    "content|sensitive|nsfw|prohibited|violat|moderat|polic|safety|敏感|违规|审核|违禁", re.IGNORECASE
)

_BY_STATUS: dict[int, FailureMeaning] = {
    400: _INPUT,  # APIXO model pages
    401: _AUTH,  # APIXO model pages; Ruxa AI best practices guide
    402: _CREDITS,  # APIXO error-codes page; Ruxa AI best practices guide
    403: _PERMISSION,  # APIXO error-codes page
    404: _MODEL,  # APIXO error-codes page
    413: _LARGE,  # this one, 414 and 431 by the meaning of HTTP
    414: _LARGE,
    422: _INPUT,  # Ruxa AI best practices guide
    431: _LARGE,
    429: _RATE,  # APIXO model pages; Ruxa AI best practices guide
    503: _UNAVAILABLE,  # APIXO error-codes page
}


def submit_refusal(code: int, message: str, credential: Credential) -> Failure:
    """Tells what a refused request becomes. Nothing was made, so nothing was charged.

    Args:
        code: of the body, else of HTTP.
        message: the gateway's words.
        contact: whose it was.
    """
    # The same identifiers as of failed tasks may come in an immediate answer (APIXO error-codes page).
    message = credential.redact(cut(message))
    named = next((word for word in re.findall(r"[A-Za-z][A-Za-z_]{3,}", message) if _of_code(word)), "")
    meaning = _of_code(named) or _of_status(code, message)
    return _failure(meaning, named or f"HTTP {code}", message or f"HTTP {code}", credential, charged="no")


def task_failure(code: str, message: str, credential: Credential) -> Failure:
    """Tells what a task becomes that the gateway reports as failed. No gateway documents whether it is charged.

    Args:
        code: the failCode, of either family; empty where there is none (Ruxa).
        message: the failMsg.
        contact: whose it was.
    """
    code, message = cut(code), cut(message)
    known = _of_code(code) or _by_words(code) or _by_words(message) or (_UNKNOWN if code or message else _GENERATION)
    words = message or "The gateway gave no reason."
    return _failure(known, code or "TASK_FAILED", words, credential, charged="unknown")


def known_failure(code: str) -> Failure:
    """Makes the failure of tasks that were reported as failed with a code, whoever's they were."""
    known = _of_code(code) or _by_words(code) or _UNKNOWN
    advice = known.advice if "{" not in known.advice else ""  # it would name an account
    return Failure(
        code=code,
        category=known.category,
        message="",
        advice=advice,
        retryable=known.retryable,
        charged="unknown",
        next_action=known.next_action,
    )


def empty_result(credential: Credential, told: str = "") -> Failure:
    """Makes the failure of a task that ended well without naming anything that it made.

    Args:
        told: why that which it names cannot be used.
    """
    words = f"{credential.gateway} reported success and named no result that can be read. {told}".strip()
    advice = (
        f"It may have been charged, so look before you generate it again: {credential.dashboard} may show the result, "
        "and the gateway's answer is kept."
    )
    meaning = FailureMeaning("generation_failed", advice, next_action=NextAction.REREAD)
    return _failure(meaning, EMPTY_RESULT, words, credential, charged="unknown")


def by_status(status: int, advice: str, next_action: NextAction | None, credential: Credential) -> Failure:
    """Tells of a request that was refused by something before the gateway or in its place."""
    category = _BY_STATUS[status].category if status in _BY_STATUS else "unavailable"
    meaning = FailureMeaning(category, advice, next_action=next_action)
    words = f"HTTP {status} came without an answer of {credential.gateway}'s own"
    return _failure(meaning, f"HTTP {status}", words, credential, charged="no")


def unreachable(reason: str, credential: Credential) -> Failure:
    """Makes the failure of a request that never left this machine."""
    advice = "Check the network, the proxy and the base URL, then try again; nothing was sent."
    return _failure(
        FailureMeaning("unavailable", advice, True), "NOT_REACHED", _sentence(reason), credential, charged="no"
    )


def unusable_setting(reason: str, variable: str, credential: Credential) -> Failure:
    """Makes the failure of a request that can never leave this machine as it is set up."""
    advice = f"Nothing was sent. Correct {variable} or take it out.".replace("{", "(").replace("}", ")")
    meaning = FailureMeaning("unavailable", advice, next_action=NextAction.RESTART)
    return _failure(meaning, "SETTING_UNUSABLE", _sentence(reason), credential, charged="no")


def unreadable(reason: str, credential: Credential) -> Failure:
    """Makes the failure of a free question without an answer that can be read."""
    advice = "Try again in a minute."
    return _failure(
        FailureMeaning("unavailable", advice, True), "NO_ANSWER", _sentence(reason), credential, charged="no"
    )


def unwritable_input(credential: Credential) -> Failure:
    """Makes the failure of an input that no JSON can carry, so that nothing was sent."""
    words = "The input holds a number or a text that cannot be written as JSON in UTF-8."
    return _failure(_INPUT, "INVALID_INPUT", words, credential, charged="no")


def unusable_key(credential: Credential) -> Failure:
    """Makes the failure of a key that no header can carry, so that nothing was sent."""
    words = "The API key is empty, or holds spaces or characters that no key has."
    return _failure(_AUTH, "INVALID_KEY", words, credential, charged="no")


def is_transient(code: str) -> bool:
    """Tells whether the documents say to send a task that failed so again; no other code's words count."""
    return _normal(code) in _TRANSIENT


def is_decisive(message: str) -> bool:
    """Tells whether the words alone say that nothing was started, whatever code they come with."""
    return _DECISIVE.search(cut(message)) is not None


def _of_status(code: int, message: str) -> FailureMeaning:
    if is_decisive(message):
        return _by_words(message) or _UNKNOWN
    if code == 403:
        # Documented as lacking permission, and as a breach of content rules (APIXO error-codes page, two versions).
        if _by_words(message) is _CREDITS:
            return _CREDITS
        return _POLICY if _CONTENT.search(message) else _PERMISSION
    if code in (400, 422):
        # Most model pages of APIXO answer 400 "Insufficient credits".
        found = _by_words(message)
        return found if found and found in (_CREDITS, _POLICY, _RATE, _PROMPT_LONG) else _INPUT
    return _BY_STATUS.get(code) or (_UNAVAILABLE if code >= 500 else _UNKNOWN)


def _of_code(code: str) -> FailureMeaning | None:
    return _FAIL_CODES.get(_normal(code))


def _normal(code: str) -> str:
    return re.sub(r"[^a-z0-9]", "", code.lower())


def _by_words(text: str) -> FailureMeaning | None:
    if not text:
        return None
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cut(text)).replace("_", " ").lower()
    return next((meaning for parts, meaning in _BY_WORDS if _fits(spaced, parts)), None)


def _fits(text: str, parts: str | tuple[str, str]) -> bool:
    """Tells whether the parts stand in a text in order. One pattern would take the square of its length."""
    for part in (parts,) if isinstance(parts, str) else parts:
        found = re.search(part, text)
        if found is None:
            return False
        text = text[found.end() :]
    return True


def _sentence(reason: str) -> str:
    begins = reason[:1].upper() if reason.startswith(("the ", "no ")) else reason[:1]  # a host keeps its spelling
    return begins + reason[1:].rstrip(".") + "."


def _failure(meaning: FailureMeaning, code: str, message: str, credential: Credential, *, charged: Charged) -> Failure:
    names = {"gateway": credential.gateway, "setting": credential.setting, "dashboard": credential.dashboard}
    return Failure(
        code=credential.clean(code)[:80],
        category=meaning.category,
        message=credential.clean(message),
        advice=meaning.advice.format(**names),
        retryable=meaning.retryable,
        charged=charged,
        next_action=meaning.next_action,
    )
