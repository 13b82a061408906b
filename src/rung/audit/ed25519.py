"""Ed25519 signatures (RFC 8032) in plain Python: a few milliseconds each, for a signature once in a while.

Covered: keys, signing, and strict verification: canonical encodings only, the scalar below the group's order, equality
without the cofactor. Not covered: side channels. Python's integers take time that depends on the key, so sign only
where nobody measures you: not in a service that answers strangers.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

PRIME: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_CURVE: Final = -121665 * pow(121666, -1, PRIME) % PRIME
_ROOT: Final = pow(2, (PRIME - 1) // 4, PRIME)  # of minus one

# x = X/Z, y = Y/Z, x*y = T/Z
_Point: TypeAlias = tuple[int, int, int, int]
_ZERO: Final[_Point] = (0, 1, 1, 0)
_BASE_Y: Final = 4 * pow(5, -1, PRIME) % PRIME


def public_key(secret: bytes) -> bytes:
    """Returns the public key, 32 bytes, of a secret one of 32 bytes."""
    return _encode(_times(_expand(secret)[0], _base()))


def sign(secret: bytes, message: bytes) -> bytes:
    """Returns the signature, 64 bytes."""
    scalar, prefix = _expand(secret)
    public = _encode(_times(scalar, _base()))
    nonce = _hash(prefix, message)
    commitment = _encode(_times(nonce, _base()))
    answer = (nonce + _hash(commitment, public, message) * scalar) % ORDER
    return commitment + answer.to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Returns whether the signature is the key's on exactly this message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point, answer = _decode(public), int.from_bytes(signature[32:], "little")
    if point is None or answer >= ORDER:
        return False
    x, y, z, t = point
    challenge = _hash(signature[:32], public, message)
    return _encode(_add(_times(answer, _base()), _times(challenge, (-x, y, z, -t)))) == signature[:32]


def _expand(secret: bytes) -> tuple[int, bytes]:
    if len(secret) != 32:
        raise ValueError(f"a secret key has 32 bytes, not {len(secret)}")
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:]


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def _base() -> _Point:
    point = _decode(_BASE_Y.to_bytes(32, "little"))
    assert point is not None  # noqa: S101 - a constant of the curve
    return point


def _add(first: _Point, second: _Point) -> _Point:
    """Returns the sum; the formula is complete, so it doubles as well."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = first, second
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * t1 * t2 * _CURVE, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def _times(scalar: int, point: _Point) -> _Point:
    total = _ZERO
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _encode(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, PRIME)
    return (y * inverse % PRIME | (x * inverse % PRIME & 1) << 255).to_bytes(32, "little")


def _decode(raw: bytes) -> _Point | None:
    number = int.from_bytes(raw, "little")
    odd, y = number >> 255, number & ((1 << 255) - 1)
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(_CURVE * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * _ROOT % PRIME
    if (x * x - square) % PRIME or (x == 0 and odd):
        return None
    x = PRIME - x if x & 1 != odd else x
    return x, y, 1, x * y % PRIME
