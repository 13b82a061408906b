"""Both implementations of Ed25519 hold the vectors of RFC 8032, and refuse what is not exactly a signature."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.audit.ground import verifier

from rung.audit import ed25519

BOTH = pytest.mark.parametrize("check", [ed25519.verify, verifier().signed], ids=["house", "alone"])

# RFC 8032, section 7.1: secret key, public key, message, signature.
VECTORS = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
            "655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
            "b00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
            "c027beceea1ec40a"
        ),
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
            "2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
            "d9bef1177331a704"
        ),
    ),
)


@BOTH
@pytest.mark.parametrize("vector", VECTORS, ids=["1", "2", "3", "sha-abc"])
def test_vectors_of_the_rfc(check: Callable[[bytes, bytes, bytes], bool], vector: tuple[str, ...]) -> None:
    secret, public, message, signature = map(bytes.fromhex, vector)
    assert ed25519.public_key(secret) == public
    assert ed25519.sign(secret, message) == signature
    assert check(public, message, signature)


@BOTH
def test_a_flipped_bit_anywhere_is_noticed(check: Callable[[bytes, bytes, bytes], bool]) -> None:
    rng = random.Random(5)
    _, public, message, signature = map(bytes.fromhex, VECTORS[2])
    assert check(public, message, signature)
    for part in (public, message, signature):
        for _ in range(8):
            flipped = bytearray(part)
            flipped[rng.randrange(len(part))] ^= 1 << rng.randrange(8)
            parts = [bytes(flipped) if each is part else each for each in (public, message, signature)]
            assert not check(*parts)


@BOTH
def test_a_second_form_of_a_signature_is_refused(check: Callable[[bytes, bytes, bytes], bool]) -> None:
    _, public, message, signature = map(bytes.fromhex, VECTORS[1])
    answer = int.from_bytes(signature[32:], "little") + ed25519.ORDER
    assert not check(public, message, signature[:32] + answer.to_bytes(32, "little"))
    for shorter in (signature[:-1], signature + b"\0", b"", signature[:32]):
        assert not check(public, message, shorter)


@BOTH
def test_keys_that_are_no_points(check: Callable[[bytes, bytes, bytes], bool]) -> None:
    _, _, message, signature = map(bytes.fromhex, VECTORS[1])
    prime = ed25519.PRIME
    for number in (2, prime, prime + 1, (1 << 255) - 1, 1 | 1 << 255):  # off the curve, not reduced, minus zero
        assert not check(number.to_bytes(32, "little"), message, signature)
    assert not check(b"", message, signature)


@BOTH
def test_a_key_is_written_in_one_way(check: Callable[[bytes, bytes, bytes], bool]) -> None:
    """Under the neutral point as a key, the base point with the scalar 1 signs anything: one form of it must remain."""
    signature = bytes([88] + [102] * 31) + (1).to_bytes(32, "little")
    assert check((1).to_bytes(32, "little"), b"anything", signature)
    assert not check((ed25519.PRIME + 1).to_bytes(32, "little"), b"anything", signature)


def test_another_implementation_says_the_same() -> None:
    theirs = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519", exc_type=ImportError)
    rng = random.Random(6)
    for size in range(20):
        secret, message = rng.randbytes(32), rng.randbytes(size * 7)
        key = theirs.Ed25519PrivateKey.from_private_bytes(secret)
        assert key.public_key().public_bytes_raw() == ed25519.public_key(secret)
        assert key.sign(message) == ed25519.sign(secret, message)


def test_a_secret_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ed25519.sign(b"short", b"")
