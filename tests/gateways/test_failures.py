from dataclasses import replace

import pytest

from apixo_mcp.gateways import failures
from apixo_mcp.gateways.credential import Credential

APIXO = Credential.of("apixo")
RUXA = Credential.of("ruxa")

KEY = "k9-verysecret-0001"


@pytest.mark.parametrize(
    ("code", "category", "retryable", "transient"),
    [
        ("CONTENT_VIOLATION", "content_policy", False, False),
        ("NSFW_DETECTED", "content_policy", False, False),
        ("NSFW", "content_policy", False, False),
        ("SensitiveContent", "content_policy", False, False),
        ("SensitiveContentDetected", "content_policy", False, False),
        ("ProhibitedContentDetected", "content_policy", False, False),
        ("InputImageSensitiveContentDetected", "content_policy", False, False),
        ("InputOutputSensitiveContentDetected", "content_policy", False, False),
        ("PROMPT_TOO_LONG", "invalid_input", False, False),
        ("PromptLengthExceeded", "invalid_input", False, False),
        ("INVALID_PROMPT", "invalid_input", False, False),
        ("INVALID_IMAGE_URL", "media_input", False, False),
        ("IMAGE_TOO_LARGE", "media_input", False, False),
        ("UNSUPPORTED_FORMAT", "media_input", False, False),
        ("IMAGE_DOWNLOAD_FAILED", "media_input", True, False),
        ("INVALID_LORA_URL", "media_input", False, False),
        ("INVALID_AUDIO_URL", "media_input", False, False),
        ("PROCESSING_TIMEOUT", "timeout", True, True),
        ("ProcessingTimeout", "timeout", True, True),
        ("processing_timeout", "timeout", True, True),
        ("MODEL_UNAVAILABLE", "unavailable", True, True),
        ("ModelUnavailable", "unavailable", True, True),
        ("GENERATION_FAILED", "generation_failed", False, False),
        ("INSUFFICIENT_CREDITS", "insufficient_credits", False, False),
        # Not on any page: told by their words.
        ("TaskExecutionTimedOut", "timeout", True, False),
        ("ServiceUnavailable", "unavailable", True, False),
        ("processing-timeout", "timeout", True, True),
        ("Model Unavailable", "unavailable", True, True),
        ("CALLBACK_TIMEOUT", "timeout", True, False),
        ("USER_BILLING_UNAVAILABLE", "unavailable", True, False),
        ("MODERATION_TIMEOUT", "content_policy", False, False),
        ("PROCESSING_TIMEOUT_REFUNDED", "timeout", True, False),
        ("ImageUrlUnavailable", "media_input", False, False),
        ("VIDEO_DOWNLOAD_TIMEOUT", "media_input", False, False),
        ("OutputVideoSensitiveContentDetected", "content_policy", False, False),
        ("PromptIsTooLong", "invalid_input", False, False),
        ("InvalidParameter", "invalid_input", False, False),
        ("ReferenceVideoTooLarge", "media_input", False, False),
        ("RateLimitExceeded", "rate_limited", True, False),
        ("InternalError", "generation_failed", False, False),
        ("E1234", "unknown", False, False),
    ],
)
def test_a_failed_task_by_its_code(code, category, retryable, transient):
    failure = failures.task_failure(code, "", APIXO)
    assert (failure.code, failure.category, failure.retryable) == (code, category, retryable)
    assert failure.charged == "unknown"
    assert failure.advice.endswith(".")
    assert failures.is_transient(code) is transient


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("Content does not meet safety guidelines", "content_policy"),
        ("内容审核未通过", "content_policy"),
        ("生成超时", "timeout"),
        ("积分不足", "insufficient_credits"),
        ("请求频率过高", "rate_limited"),
        ("参数错误", "invalid_input"),
        ("任务失败", "generation_failed"),
        ("", "generation_failed"),
        ("?", "unknown"),
    ],
)
def test_a_failed_task_without_a_code_is_told_by_its_message_and_never_sent_again(message, category):
    failure = failures.task_failure("", message, RUXA)
    assert (failure.category, failure.code) == (category, "TASK_FAILED")
    assert failure.message
    assert not failures.is_transient("")


@pytest.mark.parametrize(
    ("code", "message", "category", "retryable"),
    [
        (400, "Invalid parameters: input.prompt is required", "invalid_input", False),
        (400, "input.image_urls must hold public http(s) URLs", "invalid_input", False),
        (400, "Insufficient credits", "insufficient_credits", False),
        (400, "INSUFFICIENT_CREDITS", "insufficient_credits", False),
        (400, "SensitiveContentDetected", "content_policy", False),
        (400, "Invalid mode type", "invalid_input", False),
        (401, "Invalid or missing API Key", "auth", False),
        (401, "", "auth", False),
        (402, "anything", "insufficient_credits", False),
        (403, "Forbidden", "auth", False),
        (403, "The API key lacks permission for this model", "auth", False),
        (403, "Content violates our policy", "content_policy", False),
        (403, "SensitiveContent", "content_policy", False),
        (403, "Insufficient balance", "insufficient_credits", False),
        (404, "Model not found", "invalid_input", False),
        (422, "参数验证失败", "invalid_input", False),
        (429, "Rate limit exceeded", "rate_limited", True),
        (503, "", "unavailable", True),
        (500, "Internal server error", "unavailable", True),
        (500, "积分不足,需要3.00", "insufficient_credits", False),
        (200, "余额不足", "insufficient_credits", False),
        (500, "未找到支持模型 x 的渠道", "invalid_input", False),
        (422, "模型不存在", "invalid_input", False),
    ],
)
def test_a_refused_request(code, message, category, retryable):
    failure = failures.submit_refusal(code, message, RUXA)
    assert (failure.category, failure.retryable, failure.charged) == (category, retryable, "no")
    assert failure.message


def test_a_code_named_in_a_refusal_is_kept():
    assert failures.submit_refusal(400, "Rejected: PromptLengthExceeded", APIXO).code == "PromptLengthExceeded"
    assert failures.submit_refusal(402, "Insufficient credits", APIXO).code == "HTTP 402"


@pytest.mark.parametrize(
    ("credential", "setting", "site"),
    [(APIXO, "APIXO_API_KEY", "https://apixo.ai"), (RUXA, "RUXA_API_KEY", "https://ruxa.ai/dashboard")],
)
def test_advice_names_the_setting_and_the_dashboard(credential, setting, site):
    assert setting in failures.submit_refusal(401, "", credential).advice
    assert setting in failures.submit_refusal(403, "", credential).advice
    assert setting in failures.unusable_key(credential).advice
    assert site in failures.submit_refusal(402, "", credential).advice


@pytest.mark.parametrize(
    "said", [f"key {KEY} is wrong", "key sk-abc123XYZ is wrong", f"Authorization: Bearer {KEY}", "sk-" + "x" * 900]
)
def test_no_message_holds_a_key(said):
    credential = replace(APIXO, secret=KEY)
    for failure in (failures.submit_refusal(401, said, credential), failures.task_failure(said, said, credential)):
        told = failure.message + failure.code + failure.advice
        assert KEY not in told
        assert "abc123XYZ" not in told
        assert "xxx" not in told


def test_messages_are_short_and_can_be_stored():
    failure = failures.task_failure("X\ud800", "a\ud800\x00\n" + "b" * 9000, APIXO)
    assert len(failure.message) == 500
    (failure.message + failure.code).encode()
    assert failure.message.isprintable()
