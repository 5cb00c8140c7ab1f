"""The same checks as the sidecar's, for consumers in Python: strict JSON and base64url, the header, the time, the
signature, the canonical form. The signature itself is checked by Outrigger's own C code, which favours the peers: no
library that they could take is as fast."""

import base64
import ctypes
import datetime
import json
import os
import re

_library = ctypes.CDLL(os.environ["VERIFIER"])
_library.peer_prepare.restype = ctypes.c_void_p
_library.peer_verify.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
_alphabet = re.compile(r"[A-Za-z0-9_-]*\Z")


class Refused(Exception):
    """The message is no event."""


def _decode(text):
    if not _alphabet.match(text):
        raise Refused("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Refused("not canonical base64url")
    return data


class Verifier:
    def __init__(self, document):
        keys = json.loads(document)["keys"]
        self._keys = {key["kid"]: _library.peer_prepare(_decode(key["x"])) for key in keys}

    def verify(self, body):
        """The verified event as (id, payload)."""
        envelope = json.loads(body)
        detail = envelope["detail"]
        token = detail["sig_compact"]
        signed, _, signature = token.rpartition(".")
        encoded_header, _, encoded_payload = signed.partition(".")
        header = json.loads(_decode(encoded_header))
        if header["alg"] != "Dilithium2" or header["typ"] != "QSL-JWS-PQC" or header["hash"] != "SHA-256":
            raise Refused("another algorithm")
        if header["src"] != envelope["source"] or header["dt"] != envelope["detail-type"]:
            raise Refused("binding")
        signed_at = datetime.datetime.fromisoformat(header["ts"])
        if signed_at > datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5):
            raise Refused("skew")
        key = self._keys.get(header["kid"])
        text, mark = signed.encode(), _decode(signature)
        if key is None or _library.peer_verify(key, text, len(text), mark, len(mark)) != 1:
            raise Refused("signature")
        payload = _decode(encoded_payload)
        canonical = json.dumps(detail["detailCore"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if canonical.encode() != payload:
            raise Refused("payload")
        return header["jti"], payload
