"""Checkpoints of a log as signed notes: the text formats of C2SP (signed-note, tlog-checkpoint, tlog-cosignature).

Covered: Ed25519 signatures of logs (type 1) and timestamped cosignatures of witnesses (type 4). Not covered: other
types of signatures, which are passed over as the formats demand; extension lines, which are refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from . import ed25519

LOG, WITNESS = 1, 4  # what a key is for, as a byte of the key's id
LONGEST = 64 * 1024  # characters of a note; some sixteen signatures are usual
_DASH = "\N{EM DASH}"


class NoteError(ValueError):
    """A text that is not of the agreed form; the message says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key with the name of who holds it. kind: LOG or WITNESS."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which signatures name the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """Returns the key as one word that a person can pass on."""
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log is at one moment. origin: who it is. size: its entries. root: of the Merkle tree over them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """Returns the text that is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with signatures: (name, id of the key, bytes), as they stand there, believed by nobody yet."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def __str__(self) -> str:
        """Returns the note as a file holds it."""
        lines = (f"{_DASH} {name} {_base64(key + signature)}\n" for name, key, signature in self.signatures)
        return f"{self.checkpoint}\n{''.join(lines)}"

    def with_lines(self, lines: str) -> Note:
        """Returns the note with the signatures of these lines as well."""
        return Note(self.checkpoint, (*self.signatures, *_signatures(lines)))


def checked_name(name: str) -> str:
    """Returns a name that keys and logs may have.

    Raises:
      NoteError: it is empty, or holds a plus, a space or what cannot be printed.
    """
    if not name or "+" in name or not name.isprintable() or any(map(str.isspace, name)) or len(name) > 200:
        raise NoteError(f"{name[:60]!r} is no name of a key: use letters, digits, dots and slashes")
    return name


def parse_key(text: str) -> Key:
    """Returns the key that a word describes: name+id+base64.

    Raises:
      NoteError: it is none, or its id is another key's.
    """
    name, _, rest = text.strip().partition("+")
    number, _, encoded = rest.partition("+")
    raw = _bytes(encoded, "the key")
    if len(raw) != 33 or raw[0] not in {LOG, WITNESS}:
        raise NoteError("an Ed25519 key is one byte for its kind, 1 or 4, and 32 bytes")
    key = Key(checked_name(name), raw[0], raw[1:])
    if key.id.hex() != number:
        raise NoteError(f"the key {name} has the id {key.id.hex()}, not {number[:20]}: it was not copied whole")
    return key


def parse_checkpoint(text: str) -> Checkpoint:
    """Returns the checkpoint in a text of three lines.

    Raises:
      NoteError: it is none.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
        raise NoteError("a checkpoint is three lines: origin, size and root hash")
    root = _bytes(lines[2], "the root hash")
    if len(root) != 32:
        raise NoteError(f"a root hash has 32 bytes, not {len(root)}")
    if not lines[0] or not lines[0].isprintable():
        raise NoteError("the origin of a checkpoint is a line of text that can be printed")
    return Checkpoint(lines[0], int(lines[1]), root)


def parse_note(text: str) -> Note:
    """Returns the note in a text.

    Raises:
      NoteError: it is none.
    """
    if len(text) > LONGEST or any(char < " " and char != "\n" for char in text):
        raise NoteError(f"a note is at most {LONGEST} characters of plain text")
    body, blank, lines = text.rpartition("\n\n")
    if not blank or not lines:
        raise NoteError("a note is a text, an empty line, and one signature or more")
    return Note(parse_checkpoint(body + "\n"), _signatures(lines))


def _signatures(lines: str) -> tuple[tuple[str, bytes, bytes], ...]:
    found = []
    for line in lines.removesuffix("\n").split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        raw = _bytes(encoded, "a signature")
        if dash != _DASH or len(raw) < 5:
            raise NoteError(f"{line[:60]!r} is no line of a signature: a dash, a name and base64")
        found.append((checked_name(name), raw[:4], raw[4:]))
    return tuple(found)


def sign(checkpoint: Checkpoint, name: str, secret: bytes) -> Note:
    """Returns the checkpoint signed by its log."""
    key = Key(checked_name(name), LOG, ed25519.public_key(secret))
    return Note(checkpoint, ((name, key.id, ed25519.sign(secret, str(checkpoint).encode())),))


def cosignature(checkpoint: Checkpoint, name: str, secret: bytes, *, at: int) -> str:
    """Returns the line by which a witness says what it saw. at: seconds since 1970."""
    key = Key(checked_name(name), WITNESS, ed25519.public_key(secret))
    signature = ed25519.sign(secret, _cosigned(checkpoint, at))
    return f"{_DASH} {name} {_base64(key.id + at.to_bytes(8, 'big') + signature)}\n"


def signed_by(note: Note, key: Key) -> bool:
    """Returns whether a log's key signed the note."""
    text = str(note.checkpoint).encode()
    return any(ed25519.verify(key.public, text, signature) for signature in _of(note, key, LOG))


def cosigned_at(note: Note, key: Key) -> int | None:
    """Returns when a witness's key last cosigned the note, in seconds since 1970; None when it did not."""
    times = []
    for raw in _of(note, key, WITNESS):
        at = int.from_bytes(raw[:8], "big")
        if len(raw) == 72 and at < 1 << 63 and ed25519.verify(key.public, _cosigned(note.checkpoint, at), raw[8:]):
            times.append(at)
    return max(times, default=None)


def _of(note: Note, key: Key, kind: int) -> list[bytes]:
    return [raw for name, number, raw in note.signatures if key.kind == kind and (name, number) == (key.name, key.id)]


def _cosigned(checkpoint: Checkpoint, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{checkpoint}".encode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
    if _base64(raw) != text:  # one way to write it, so that equal means equal
        raise NoteError(f"{what} is not written as base64 is")
    return raw
