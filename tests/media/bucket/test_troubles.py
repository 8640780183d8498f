"""What is said of a bucket that does not do what it is asked for."""

import pytest
from obstore.exceptions import GenericError

from apixo_mcp.gateways.credential import Credential
from apixo_mcp.media.bucket.troubles import BucketTrouble, trouble_of

ROLE = "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 1s - HTTP error"
SIGNED = (
    "Generic S3 error: PUT http://store/b/k?X-Amz-Credential=AKIAPLANTED - status code: 403 Forbidden: <Error><Code>{}"
    "</Code><StringToSign>planted</StringToSign></Error>"
)


@pytest.mark.parametrize(
    ("text", "code", "says", "is_lasting"),
    [
        (ROLE, "NoCredentials", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", True),
        (SIGNED.format("RequestTimeTooSkewed"), "RequestTimeTooSkewed", "clock", True),
        (SIGNED.format("ExpiredToken"), "ExpiredToken", "have run out", True),
        (SIGNED.format("SlowDown"), "SlowDown", "the store says SlowDown", False),
        ("status code: 503 Service Unavailable: busy", "status 503", "the store says status 503", False),
        ("Generic S3 error: error sending request", "", "does not answer", False),
    ],
)
def test_a_trouble_says_what_to_do_and_nothing_that_was_signed(
    text: str, code: str, says: str, is_lasting: bool
) -> None:
    trouble = trouble_of(GenericError(text), "results")
    assert isinstance(trouble, BucketTrouble)
    assert (trouble.code, trouble.is_lasting) == (code, is_lasting)
    assert says in str(trouble)
    assert "the bucket results" in str(trouble)
    assert "PLANTED" not in str(trouble)
    assert "planted" not in str(trouble)


def test_a_gateway_that_repeats_a_signed_address_tells_no_signature() -> None:
    said = (
        "cannot fetch https://b.example/k?X-Amz-Credential=AKIAPLANTED%2F2026&X-Amz-Expires=60&X-Amz-Signature=planted1"
    )
    told = Credential.of("apixo", "sk-mine-and-only-mine").clean(said)
    assert "X-Amz-Expires=60" in told
    assert "PLANTED" not in told
    assert "planted" not in told
