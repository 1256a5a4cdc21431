"""The tree of everything that can go wrong, without a word about HTTP.

Owns: which faults exist and what they carry. Has no opinion on: status codes, vendor codes and
texts; each wire has its own ``errors_wire`` table for those.

The tree::

    HuiyanError
    ├── RequestError                      the caller can mend it
    │   ├── TransportError                the HTTP message itself
    │   │   ├── MalformedRequestError     no valid HTTP, or an unusable path
    │   │   ├── MissingProjectError       the client was built without a project id
    │   │   ├── UnknownRouteError         no such path
    │   │   ├── WrongMethodError          the path exists, the method does not
    │   │   ├── UriTooLongError
    │   │   ├── HeadersTooLargeError
    │   │   ├── BodyTooLargeError
    │   │   └── BodyTimeoutError          the body did not arrive in time
    │   ├── BodyError                     the JSON body
    │   │   ├── MissingHeaderError        no Content-Type
    │   │   ├── UnsupportedMediaTypeError Content-Type is not JSON
    │   │   ├── MalformedJsonError        no JSON object
    │   │   ├── MissingParameterError     neither picture nor URL
    │   │   ├── InvalidParameterError     wrong type, out of range, both picture and URL
    │   │   ├── Base64Error
    │   │   └── PictureTextTooLargeError  more base64 text than allowed
    │   ├── PictureError                  the picture itself
    │   │   ├── UnsupportedFormatError
    │   │   ├── DamagedPictureError
    │   │   ├── PictureSizeError          sides, pixels or bytes outside the limits
    │   │   └── UnfitFaceError            no face, several, or one too poor for a gallery
    │   ├── FetchError                    the picture's URL
    │   │   ├── RefusedUrlError           scheme, address, port, credentials
    │   │   ├── DownloadError             the other side failed or was too slow
    │   │   └── DownloadTooLargeError
    │   └── ResourceError                 what the call names or would make
    │       ├── NotFoundError             it is not there, or another account's
    │       ├── ConflictError             it is there already, or still needed
    │       ├── QuotaError                one more than there may be
    │       ├── GalleryModelError         the gallery's embeddings are another network's
    │       ├── GalleryFileError          an exported gallery that cannot be read
    │       └── WeakPasswordError
    ├── AccessError
    │   ├── AuthenticationError
    │   │   ├── MissingCredentialsError
    │   │   ├── UnsupportedSchemeError    a signing scheme that is not spoken here
    │   │   ├── UnknownKeyError           unknown or disabled access key
    │   │   ├── SignatureMismatchError
    │   │   ├── SignatureExpiredError     signed outside the 15-minute window
    │   │   ├── UnusableTokenError        a token that cannot be read
    │   │   ├── ExpiredTokenError         a token that has run out
    │   │   ├── WithdrawnTokenError       issued before the password or the status was changed
    │   │   ├── WrongPasswordError        wrong user or wrong password; which is not told
    │   │   └── LockedOutError            too many wrong passwords
    │   └── AuthorisationError
    │       ├── ForeignProjectError       the project is not the caller's
    │       ├── DomainTokenError          a token for the account, where one for a project is needed
    │       ├── DisabledUserError
    │       ├── DisabledAccountError
    │       ├── NotPermittedError         no role or policy allows it, or one denies it
    │       └── ServiceNotEnabledError
    ├── OverloadError
    │   ├── QueueFullError                more calls at once than the server takes
    │   └── RateLimitError
    ├── RecordingError                    use could not be made durable
    ├── InferenceError                    a network failed on a valid picture
    └── OperatorError                     the operator can mend it: shown by the CLI
        ├── SettingsError
        ├── CardError                     a model card is malformed
        ├── ModelMissingError
        ├── ModelIntegrityError           wrong hash
        ├── ModelSourceError              no source could give the file
        ├── LicenceRefusedError
        ├── EngineUnavailableError        for example a GPU asked for and not usable
        ├── StoreError                    disk full, not writable
        ├── DatabaseError
        ├── InstanceKeyError
        └── VocabularyError               a vocabulary file is malformed
"""

from __future__ import annotations


class HuiyanError(Exception):
    """Root of every error that Huiyan raises on purpose.

    Parameters
    ----------
    detail : str
        What went wrong, for the person who can mend it. Never holds a secret.
    """

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class RequestError(HuiyanError):
    """The caller can mend it."""


class TransportError(RequestError):
    """The HTTP message itself is at fault."""


class MalformedRequestError(TransportError):
    """No valid HTTP, or an unusable path."""


class MissingProjectError(TransportError):
    """The path still holds the client's placeholder for the project id."""


class UnknownRouteError(TransportError):
    """No such path."""


class WrongMethodError(TransportError):
    """The path exists, the method does not."""


class UriTooLongError(TransportError):
    """The request target is longer than the gateway takes."""


class HeadersTooLargeError(TransportError):
    """One header, or all together, exceed the gateway's limits."""


class BodyTooLargeError(TransportError):
    """The body exceeds the gateway's limit."""


class BodyTimeoutError(TransportError):
    """The body did not arrive in time."""


class BodyError(RequestError):
    """The JSON body is at fault."""


class MissingHeaderError(BodyError):
    """A needed header is missing or empty."""


class UnsupportedMediaTypeError(BodyError):
    """The Content-Type is not JSON."""


class MalformedJsonError(BodyError):
    """The body is no JSON object."""


class MissingParameterError(BodyError):
    """Neither ``image`` nor ``url`` is given."""


class InvalidParameterError(BodyError):
    """A field has the wrong type or lies out of range.

    Parameters
    ----------
    parameter : str
        The field as the caller wrote it.
    detail : str
        What is wrong with it.
    """

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter


class Base64Error(BodyError):
    """The picture's text is not base64."""


class PictureTextTooLargeError(BodyError):
    """The picture's base64 text is longer than allowed."""


class PictureError(RequestError):
    """The picture itself is at fault."""


class UnsupportedFormatError(PictureError):
    """The format is not one that the operation takes."""


class DamagedPictureError(PictureError):
    """The picture cannot be decoded."""


class PictureSizeError(PictureError):
    """Sides, pixels or bytes lie outside the limits."""


class UnfitFaceError(PictureError):
    """The picture shows no face, several, or one that is too poor for a gallery."""


class FetchError(RequestError):
    """The picture's URL is at fault."""


class RefusedUrlError(FetchError):
    """The URL is one that is never fetched."""


class DownloadError(FetchError):
    """The other side failed or was too slow."""


class DownloadTooLargeError(FetchError):
    """The other side sent more than a picture may have."""


class ResourceError(RequestError):
    """What the call names or would make is at fault."""


class NotFoundError(ResourceError):
    """It is not there, or it is another account's; which of both is not told."""


class ConflictError(ResourceError):
    """It is there already, or something still needs it."""


class QuotaError(ResourceError):
    """There is one more than there may be."""


class GalleryModelError(ResourceError):
    """The gallery's embeddings were made by another network, and never mix with this one's."""


class GalleryFileError(ResourceError):
    """An exported gallery is truncated, altered or of an unknown form."""


class WeakPasswordError(ResourceError):
    """The password does not meet the rules."""


class AccessError(HuiyanError):
    """The caller may not."""


class AuthenticationError(AccessError):
    """Who calls could not be established."""


class MissingCredentialsError(AuthenticationError):
    """Neither a token nor a signature."""


class UnsupportedSchemeError(AuthenticationError):
    """A signing scheme that is not spoken here."""


class UnknownKeyError(AuthenticationError):
    """The access key does not exist or is disabled.

    Parameters
    ----------
    access_key : str
        The key as the caller sent it.
    """

    def __init__(self, access_key: str) -> None:
        super().__init__(f"access key {access_key} does not exist")
        self.access_key = access_key


class SignatureMismatchError(AuthenticationError):
    """The signature does not fit the request."""


class SignatureExpiredError(AuthenticationError):
    """The request was signed outside the 15-minute window."""


class UnusableTokenError(AuthenticationError):
    """The token cannot be read: it is not ours, or was altered."""


class ExpiredTokenError(AuthenticationError):
    """The token has run out."""


class WithdrawnTokenError(AuthenticationError):
    """The token was issued before its user's password or status was changed."""


class WrongPasswordError(AuthenticationError):
    """The user does not exist or the password is another; which of both is not told."""


class LockedOutError(AuthenticationError):
    """Too many wrong passwords were tried for this user or from this address."""


class AuthorisationError(AccessError):
    """Known, but not allowed."""


class ForeignProjectError(AuthorisationError):
    """The project is not the caller's."""


class DomainTokenError(AuthorisationError):
    """The token is for the account, where one for a project is needed."""


class DisabledUserError(AuthorisationError):
    """The user is disabled, or may not use this kind of credential."""


class DisabledAccountError(AuthorisationError):
    """The account is disabled."""


class NotPermittedError(AuthorisationError):
    """No role or policy allows it, or one denies it.

    Parameters
    ----------
    action : str
        What was asked for, as ``service:resource:operation``.
    reason : str
        By which statement; for the audit log, never for the caller.
    """

    def __init__(self, action: str, reason: str = "") -> None:
        super().__init__(f"not authorised to perform {action}")
        self.action = action
        self.reason = reason


class ServiceNotEnabledError(AuthorisationError):
    """The account has not enabled the service."""


class OverloadError(HuiyanError):
    """Too much at once; a later try may succeed.

    Parameters
    ----------
    detail : str
        What is too much.
    retry_after_s : int
        Seconds after which another try makes sense.
    """

    def __init__(self, detail: str = "", retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QueueFullError(OverloadError):
    """More calls at once than the server takes."""


class RateLimitError(OverloadError):
    """More calls in a period than the caller may make."""


class RecordingError(HuiyanError):
    """Use could not be made durable, so no reply may leave."""


class InferenceError(HuiyanError):
    """A network failed on a valid picture."""


class OperatorError(HuiyanError):
    """The operator can mend it."""


class SettingsError(OperatorError):
    """A setting is unknown or has an impossible value."""


class CardError(OperatorError):
    """A model card is malformed."""


class ModelMissingError(OperatorError):
    """A model that is switched on is not in the store."""


class ModelIntegrityError(OperatorError):
    """A file's SHA-256 is not the card's."""


class ModelSourceError(OperatorError):
    """No source could give the file."""


class LicenceRefusedError(OperatorError):
    """The operator's settings refuse the model's licence."""


class EngineUnavailableError(OperatorError):
    """The inference engine or device asked for cannot be used."""


class StoreError(OperatorError):
    """The model store cannot be read or written."""


class DatabaseError(OperatorError):
    """The database cannot be reached or is of another version."""


class InstanceKeyError(OperatorError):
    """The instance key is missing, unreadable or not the one secrets were stored under."""


class VocabularyError(OperatorError):
    """A vocabulary file is malformed."""
