"""What is asked for, and what a person signs about it: records with one canonical form each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from rung import wire
from rung.errors import BadInput
from rung.oversight import keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from rung.wire import JSON

_DOMAIN: Final = b"rung approval 1\n"  # so that no signature made for anything else is ever an approval
_MOST_BYTES: Final = 65_536
_FIELDS: Final[dict[str, type]] = {
    "action": str,
    "kind": str,
    "workspace": str,
    "charter": str,
    "verdict": str,
    "reason": str,
    "changes": dict,
    "head": dict,
    "expires": int,
    "nonce": str,
}


class Verdict(StrEnum):
    """What a person may say about an action. escalate: not alone; two persons must approve from then on."""

    APPROVE = "approve"
    MODIFY = "modify"
    REJECT = "reject"
    TERMINATE = "terminate"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class Action:
    """Something irreversible that is asked for.

    kind: one of charter.ACTIONS. subject: what it is done to, name -> hash. details: everything else that matters.
    """

    kind: str
    subject: Mapping[str, str]
    details: Mapping[str, JSON] = field(default_factory=dict)

    def document(self) -> dict[str, JSON]:
        """Returns the action as an object."""
        return {"kind": self.kind, "subject": dict(self.subject), "details": dict(self.details)}

    @property
    def hash(self) -> str:
        """The hex SHA-256 of its canonical form."""
        return hashlib.sha256(wire.canonical(self.document())).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed: a verdict on one action, in one workspace under one charter, on one head, until one moment.

    workspace: hash of the ledger's first event. changes: details that a modifying verdict replaces. head_seq,
    head_hash: the newest event when it was signed. expires: seconds since 1970. nonce: no two statements are the same.
    """

    action: str
    kind: str
    workspace: str
    charter: str
    verdict: str
    reason: str
    changes: Mapping[str, JSON]
    head_seq: int
    head_hash: str
    expires: int
    nonce: str

    def document(self) -> dict[str, JSON]:
        """Returns the statement as an object."""
        return {
            "action": self.action,
            "kind": self.kind,
            "workspace": self.workspace,
            "charter": self.charter,
            "verdict": self.verdict,
            "reason": self.reason,
            "changes": dict(self.changes),
            "head": {"seq": self.head_seq, "hash": self.head_hash},
            "expires": self.expires,
            "nonce": self.nonce,
        }

    def message(self) -> bytes:
        """Returns the very bytes that are signed."""
        return _DOMAIN + wire.canonical(self.document())


@dataclass(frozen=True, slots=True)
class Approval:
    """A statement with a signature. key: the public half, "ed25519:..."."""

    statement: Statement
    key: str
    signature: str

    @property
    def id(self) -> str:
        """What the ledger remembers it by: the hash of what was signed, so another spelling is still the same."""
        return hashlib.sha256(self.statement.message()).hexdigest()

    def document(self) -> dict[str, JSON]:
        """Returns the approval as an object."""
        return {"statement": self.statement.document(), "key": self.key, "signature": self.signature}


def sign(statement: Statement, private: Ed25519PrivateKey) -> Approval:
    """Returns the signed statement."""
    return Approval(statement, keys.public_text(private), keys.signed(private, statement.message()))


def parse_approval(raw: bytes) -> Approval:
    """Returns the approval that these bytes are, read as hostile input.

    Raises:
      BadInput: they are none.
    """
    if len(raw) > _MOST_BYTES:
        raise BadInput(f"an approval holds at most {_MOST_BYTES:,} bytes: this is none")
    try:
        return approval_of(wire.parse(raw))
    except wire.WireError as error:
        raise BadInput(f"this is no signed approval ({error}): hand over what `rung approve sign` printed") from error


def approval_of(document: JSON) -> Approval:
    """Returns the approval of a document.

    Raises:
      WireError: it is not of the form of one.
    """
    whole: Any = wire.fields(document, required={"statement": dict, "key": str, "signature": str})
    said: Any = wire.fields(whole["statement"], required=_FIELDS)
    head: Any = wire.fields(said["head"], required={"seq": int, "hash": str})
    rest = {name: said[name] for name in _FIELDS if name != "head"}
    return Approval(Statement(**rest, head_seq=head["seq"], head_hash=head["hash"]), whole["key"], whole["signature"])


def action_of(document: JSON) -> Action:
    """Returns the action of a document.

    Raises:
      WireError: it is not of the form of one.
    """
    whole: Any = wire.fields(document, required={"kind": str, "subject": dict, "details": dict})
    if not all(type(each) is str for each in whole["subject"].values()):
        raise wire.WireError("a subject is a name and a hash")
    return Action(whole["kind"], whole["subject"], whole["details"])
