"""A language model of 120 kilobytes: random weights in a true GGUF file, for what runs such files."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from pathlib import Path

WIDTH, HEADS, FORWARD, CONTEXT = 32, 2, 64, 512
UINT, INT, FLOAT, TEXT, ARRAY = 4, 5, 6, 8, 9  # types of values
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # types of tokens
ALIGNED = 32
LETTERS = [*map(chr, range(97, 123)), "▁"]
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def write_model(path: Path, *, seed: int = 1) -> Path:
    """Returns the path, where a model now is."""
    rng = random.Random(seed)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *LETTERS]
    kinds = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(LETTERS)]
    shapes = {
        "token_embd.weight": (WIDTH, len(tokens)),
        "output_norm.weight": (WIDTH,),
        "output.weight": (WIDTH, len(tokens)),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.ffn_norm.weight": (WIDTH,),
        **{f"blk.0.attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")},
        "blk.0.ffn_gate.weight": (WIDTH, FORWARD),
        "blk.0.ffn_up.weight": (WIDTH, FORWARD),
        "blk.0.ffn_down.weight": (FORWARD, WIDTH),
    }
    values = [
        text("general.architecture", "llama"),
        *(number(f"llama.{name}", count) for name, count in COUNTS.items()),
        named("llama.attention.layer_norm_rms_epsilon", FLOAT, struct.pack("<f", 1e-5)),
        text("tokenizer.ggml.model", "llama"),
        text("tokenizer.chat_template", TEMPLATE),
        array("tokenizer.ggml.tokens", TEXT, map(string, tokens)),
        array("tokenizer.ggml.scores", FLOAT, (struct.pack("<f", 0.0) for _ in tokens)),
        array("tokenizer.ggml.token_type", INT, (struct.pack("<i", kind) for kind in kinds)),
        number("tokenizer.ggml.bos_token_id", 1),
        number("tokenizer.ggml.eos_token_id", 2),
    ]
    infos, data = [], b""
    for name, shape in shapes.items():
        size = shape[0] * (shape[1] if len(shape) == 2 else 1)
        infos.append(string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data)))
        data += padded(struct.pack(f"<{size}f", *(1.0 if len(shape) == 1 else rng.gauss(0, 0.3) for _ in range(size))))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(values)) + b"".join(values) + b"".join(infos)
    path.write_bytes(padded(head) + data)
    return path


COUNTS = {
    "context_length": CONTEXT,
    "embedding_length": WIDTH,
    "block_count": 1,
    "feed_forward_length": FORWARD,
    "attention.head_count": HEADS,
    "rope.dimension_count": WIDTH // HEADS,
}


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNED)


def string(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def named(name: str, kind: int, value: bytes) -> bytes:
    return string(name) + struct.pack("<I", kind) + value


def text(name: str, value: str) -> bytes:
    return named(name, TEXT, string(value))


def number(name: str, value: int) -> bytes:
    return named(name, UINT, struct.pack("<I", value))


def array(name: str, kind: int, values: Iterable[bytes]) -> bytes:
    items = list(values)
    return named(name, ARRAY, struct.pack("<IQ", kind, len(items)) + b"".join(items))
