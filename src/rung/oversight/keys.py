"""Keys of approvers: Ed25519, the private half in a file outside the workspace that only its owner can read.

Covered: a file that others can read, that lies in the workspace, that is no key. Not covered: whoever can read the
owner's files can sign as the owner; keep the file on another machine and sign there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from rung.errors import BadInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX: Final = "ed25519:"
_MOST_BYTES: Final = 4096
_INSTALL: Final = "signatures need the package cryptography: pip install 'rung[oversight]'"


def new_key(path: Path, *, workspace: Path) -> str:
    """Returns the public half of a key whose private half is now in a new file with mode 0600.

    Raises:
      BadInput: the file is there already, cannot be written, or would lie in the workspace.
    """
    outside(path, workspace)
    private = _module().Ed25519PrivateKey.generate()
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already, and a key is never written over: name another file") from error
    except OSError as error:
        raise BadInput(f"the key cannot be written to {path} ({error.strerror}): name another file") from error
    with os.fdopen(file, "wb") as stream:
        stream.write(_pem(private))
    return public_text(private)


def read_key(path: Path, *, workspace: Path) -> Ed25519PrivateKey:
    """Returns the private key of a file.

    Raises:
      BadInput: the file is no Ed25519 key, can be read by others, or lies in the workspace.
    """
    outside(path, workspace)
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            raw = stream.read(_MOST_BYTES) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise BadInput(f"the key {path} cannot be read ({error.strerror}): `rung key new FILE` makes one") from error
    if stat.S_IMODE(mode) & 0o077:
        raise BadInput(f"others can read the key {path} (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}")
    kind: type[Ed25519PrivateKey] = _module().Ed25519PrivateKey
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - an extra

    try:
        private = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadInput(f"{path} is no private key that `rung key new` wrote: name the right file") from error
    if not isinstance(private, kind):
        raise BadInput(f"{path} is a key of another kind: approvals are signed with Ed25519, `rung key new FILE`")
    return private


def outside(path: Path, workspace: Path) -> None:
    """Does nothing when a key file would lie outside the workspace.

    Raises:
      BadInput: it would not.
    """
    home = workspace.resolve()
    if path.resolve().is_relative_to(home):
        raise BadInput(f"a key does not belong into the workspace {workspace}, which it guards: name a file elsewhere")


def public_text(private: Ed25519PrivateKey) -> str:
    """Returns the public half as it stands in a charter."""
    return PREFIX + base64.b64encode(private.public_key().public_bytes_raw()).decode("ascii")


def fingerprint(public: str) -> str:
    """Returns the first 12 hex digits of the SHA-256 of a public key, for people to compare."""
    return hashlib.sha256(public.encode()).hexdigest()[:12]


def public_fault(text: str) -> str | None:
    """Returns what is wrong with a public key, or None."""
    advice = f"a public key is {PREFIX} and 44 characters of base64, as `rung key show FILE` prints it"
    if text.startswith("-----BEGIN") or "PRIVATE" in text:
        return f"this is a private key: it never stands in a charter; {advice}"
    raw = _decoded(text.removeprefix(PREFIX), 32) if text.startswith(PREFIX) else None
    return None if raw is not None else f"{text[:16]!r}... is no public key: {advice}"


def signed(private: Ed25519PrivateKey, message: bytes) -> str:
    """Returns the signature as base64."""
    return base64.b64encode(private.sign(message)).decode("ascii")


def verifies(public: str, message: bytes, signature: str) -> bool:
    """Returns whether this key signed exactly this message.

    Raises:
      BadInput: the package that can tell is not installed.
    """
    module = _module()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    key, raw = _decoded(public.removeprefix(PREFIX), 32), _decoded(signature, 64)
    if key is None or raw is None:
        return False
    try:
        module.Ed25519PublicKey.from_public_bytes(key).verify(raw, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str, size: int) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == size and base64.b64encode(raw).decode("ascii") == text else None


def _pem(private: Ed25519PrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as forms  # noqa: PLC0415 - an extra

    return private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())


def _module() -> ModuleType:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise BadInput(_INSTALL) from error
    return ed25519
