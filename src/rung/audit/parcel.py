"""What auditors take along: the verifier as one file, and the witness as one archive that Python runs."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from rung.errors import BadInput

_HERE: Final = Path(__file__).parent
VERIFIER: Final = _HERE / "verify_alone.py"
_WITNESS: Final = ("__init__.py", "ed25519.py", "merkle.py", "note.py", "witness.py")
_MAIN: Final = "import sys\n\nfrom audit.witness import main\n\nsys.exit(main())\n"
_MADE: Final = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever it is written


def write_verifier(path: Path) -> None:
    """Writes the verifier to a file that was not there.

    Raises:
      BadInput: it is there, or cannot be written.
    """
    _write(path, VERIFIER.read_bytes())


def write_witness(path: Path) -> None:
    """Writes the witness to a file that was not there, for `python FILE`.

    Raises:
      BadInput: it is there, or cannot be written.
    """
    _write(path, b"")
    with zipfile.ZipFile(path, "w") as archive:
        for name in _WITNESS:
            archive.writestr(zipfile.ZipInfo(f"audit/{name}", _MADE), (_HERE / name).read_bytes())
        archive.writestr(zipfile.ZipInfo("__main__.py", _MADE), _MAIN)


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}): name a file that is not there yet") from error
