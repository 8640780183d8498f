"""What went wrong with a bucket, as its reader can use it: never in the words of the store, which may name keys."""

import errno
import re

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from apixo_mcp.media.files import PlaceTrouble

FAILURES = (BaseError, OSError, NotImplementedError)
"""What the library raises about a store."""

_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_OF_ROLES = re.compile(r"169\.254\.1|fd00:ec2|/latest/api/token|credential", re.IGNORECASE)
"""In what is said of asking a machine's role for its key, at the addresses of EC2 and ECS."""
_LOOKED_AT = 20_000  # characters

_ROLES = "or have the machine's role give them"
_ADVICE = {
    "NoSuchBucket": "there is no such bucket. Make it, or correct APIXO_MCP_RESULTS",
    "AccessDenied": "access is denied. Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload "
    "on its objects, and s3:ListBucket on the bucket",
    "InvalidAccessKeyId": "the store does not know the access key. Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "SignatureDoesNotMatch": "the secret key is wrong. Correct AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": f"the temporary credentials have run out. Set new ones in AWS_* and start again, {_ROLES}",
    "InvalidToken": f"the session token is not good. Correct AWS_SESSION_TOKEN, {_ROLES}",
    "RequestTimeTooSkewed": "this machine's clock is more than 15 minutes off. Set it, best by NTP",
    "AuthorizationHeaderMalformed": "it is in another region. Set AWS_REGION to the bucket's",
    "PermanentRedirect": "it is in another region. Set AWS_REGION to the bucket's, and AWS_ENDPOINT_URL_S3 to its "
    "address where it is not Amazon's",
    "NoCredentials": "there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (files of profiles are "
    f"not read), {_ROLES}",
    "InvalidBucketName": "the name is not one that the store takes. Correct APIXO_MCP_RESULTS",
}
"""By the codes of S3's API reference ("Error responses"), but for `NoCredentials`, which is ours."""
_BY_STATUS = {"301": "PermanentRedirect", "403": "AccessDenied", "501": "NotImplemented"}
_AWAY = "the object store does not answer. It is tried again by itself; look at the network and at AWS_ENDPOINT_URL_S3"


class BucketTrouble(PlaceTrouble):
    """A bucket that does not do what it was asked for.

    Attributes:
        code: of S3's errors, empty where none came.
    """

    def __init__(self, code: str, advice: str, bucket: str) -> None:
        super().__init__(errno.EIO, f"the bucket {bucket}: {advice}")
        self.code = code

    @property
    def is_away(self) -> bool:
        """Whether there was no answer."""
        return not self.code

    @property
    def is_lasting(self) -> bool:
        """Whether it stays until somebody corrects something."""
        return self.code in _ADVICE


def trouble_of(error: Exception, bucket: str) -> OSError:
    """Returns an error of the library as one of ours: that something is not there, is there already, or what to do."""
    text = str(error)[:_LOOKED_AT]
    code = code_in(text)
    if code != "NoSuchBucket":
        if isinstance(error, FileNotFoundError) or code == "NoSuchKey":
            return FileNotFoundError(errno.ENOENT, "there is no such object")
        if isinstance(error, AlreadyExistsError):
            return FileExistsError(errno.EEXIST, "an object has this key")
        if isinstance(error, PreconditionError):
            return FileNotFoundError(errno.ENOENT, "another object has its key by now")
    advice = _ADVICE.get(code) or (f"the store says {code}. It is tried again by itself" if code else _AWAY)
    return BucketTrouble(code, advice, bucket)


def code_in(text: str) -> str:
    """Returns the code of S3 in the library's words, empty where no answer came."""
    if match := _CODE.search(text):
        return match[1]
    if _OF_ROLES.search(text):
        return "NoCredentials"
    if status := _STATUS.search(text):
        return _BY_STATUS.get(status[1], f"status {status[1]}")
    return ""
