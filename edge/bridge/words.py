"""Errors of the network, in words."""

import socket
import ssl

NO_SUCH_HOST = "no such host: check the name and that this machine has a network"
WORDS = (
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted: {}"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS there: another port, or an address without TLS"),
)


def words_of(error: BaseException) -> str:
    """One line for a person: what happened, and what to check."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return words_of(reason)
    if isinstance(error, socket.timeout) or "timed out" in str(error):
        return "no answer in time: is it running, and is that its port?"
    if isinstance(error, socket.gaierror):
        return NO_SUCH_HOST
    if isinstance(error, ssl.CertificateError) and not isinstance(error, ssl.SSLError):  # Python 3.6: of another name
        return "its certificate is not trusted: {}".format(error)
    if isinstance(error, ssl.SSLError):
        text = getattr(error, "verify_message", "") or str(error)
        for mark, words in WORDS:
            if mark in str(error):
                return words.format(text)
        return "TLS failed: {}".format(text)
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there: is it running, and is that its port?"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join((str(error) or type(error).__name__).split())[:200]
