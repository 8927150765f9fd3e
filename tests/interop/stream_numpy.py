#!/usr/bin/python3
"""Reads and writes rnn-streams with nothing but msgpack, msgpack-numpy and zlib.

  stream_numpy.py verify FILE...   any stream: every crc and digest, every array an ndarray, and
                                   packing what was read gives the same bytes again
  stream_numpy.py expect FILE      the sample that tests/unit/test_interop.c writes: its values
  stream_numpy.py write FILE       a stream made here, which test_interop.c reads
  stream_numpy.py                  as a test: the programs of rnn-stream(5) run, and what the tools in $BIN write is verified
"""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import msgpack
import msgpack_numpy
import numpy as np

DTYPES = ["<f4", "<f8", "<i4", "<i8", "|u1", "<u8", "|b1", "<c16"]


def read(path):
    """The four lines of rnn-stream(5)."""
    with open(path, "rb") as f:
        for kind, body, crc in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0):
            yield kind, body, crc
    assert kind == "end", f"{path} ends with {kind}"


def frame(kind, body):
    raw = b"\x93" + msgpack.packb(kind) + msgpack.packb(body, default=msgpack_numpy.encode)
    crc = zlib.crc32(raw)
    return raw + b"\xce" + struct.pack(">I", crc), crc


def write(path, frames):
    crcs = b""
    with open(path, "wb") as f:
        for kind, body in frames:
            raw, crc = frame(kind, body)
            crcs += struct.pack(">I", crc)
            f.write(raw)
        f.write(frame("end", {"frames": len(crcs) // 4, "failed": 0, "digest": zlib.crc32(crcs)})[0])


def arrays(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        assert all(isinstance(k, str) for k in value), f"keys that are not str: {list(value)}"
        for v in value.values():
            yield from arrays(v)
    elif isinstance(value, list):
        for v in value:
            yield from arrays(v)


def verify(path):
    """Returns how many arrays were seen."""
    with open(path, "rb") as f:
        data = f.read()
    at = seen = frames = 0
    crcs = b""
    for kind, body, crc in read(path):
        raw, computed = frame(kind, body)
        assert data[at:at + len(raw)] == raw, f"{path}: {kind} at byte {at} is not what msgpack-numpy writes"
        assert computed == crc, f"{path}: crc of {kind} at byte {at}"
        at += len(raw)
        if kind == "head":
            frames, crcs = 0, b""
        if kind == "end":
            assert body["frames"] == frames and body["digest"] == zlib.crc32(crcs), f"{path}: {body}"
        frames += 1
        crcs += struct.pack(">I", crc)
        for a in arrays(body):
            assert a.dtype.str in DTYPES, f"{path}: {kind} holds {a.dtype}"
            seen += 1
    assert at == len(data)
    return seen


def expect(path):
    verify(path)
    got = [(kind, body) for kind, body, _ in read(path)]
    assert [k for k, _ in got] == ["head", "net", "table", "array", "array", "end"], got
    net = got[1][1]
    assert net["seed"] == 2**64 - 1 and net["low"] == -(2**63) and net["lr"] == 0.1 and net["note"] is None
    assert net["text"] == "gr\u00fc\u00df" * 100 and net["codes"] == [-33, -32, -1, 0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32]
    for dtype in DTYPES:
        want = np.arange(6).reshape(2, 3).astype(dtype)
        assert net["params"][dtype].dtype.str == dtype
        np.testing.assert_array_equal(net["params"][dtype], want)
    assert len(net["wide"]) == 40 and net["wide"]["k39"] == 39
    table = got[2][1]
    np.testing.assert_array_equal(table["columns"]["update"], np.arange(20))
    np.testing.assert_array_equal(table["columns"]["loss"], [np.nan if k == 7 else 0.5 * k for k in range(20)])
    assert table["columns"]["status"] == ["trained" if k % 2 else "" for k in range(20)]
    assert table["units"] == {"loss": "1"}
    value = np.concatenate([b["value"] for k, b in got if k == "array"])
    np.testing.assert_array_equal(value, np.arange(12.0).reshape(4, 3))


def write_sample(path):
    arrays_ = {d: np.arange(6).reshape(2, 3).astype(d) for d in DTYPES}
    write(path, [
        ("head", {"format": "rnn-stream", "version": [1, 0], "prov": [], "author": "a stranger"}),
        ("net", {"id": "n1", "params": arrays_, "fortran": np.asfortranarray(arrays_["<f8"]), "strided": np.arange(12.0)[::2],
                 "scalar": np.float64(0.25), "count": np.int64(-3), "yes": np.bool_(True), "axisless": np.array(1.5)}),
        ("my-own-kind", {"deep": [[{"a": [1.5, "x", None]}]]}),
    ])


def page_programs():
    """The two literal programs among the EXAMPLES of rnn-stream(5)."""
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man/rnn-stream.5")
    with open(page, encoding="utf-8") as f:
        examples = f.read().split(".Sh EXAMPLES\n")[1].split(".Sh ")[0]
    programs = [part.split("\n.Ed")[0].split("\n", 1)[1].replace("\\e", "\\") for part in examples.split(".Bd -literal")[1:]]
    assert len(programs) == 2
    return programs


def try_page(folder, bin_):
    reader, writer = page_programs()
    with open(f"{folder}/nets.rnn", "wb") as out:
        subprocess.run([sys.executable, "-c", writer], stdout=out, check=True)
    assert verify(f"{folder}/nets.rnn") == 2
    said = subprocess.run([sys.executable, "-c", reader], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line.split()[0] for line in said.splitlines()] == ["head", "table", "end"], said
    if os.path.exists(f"{bin_}/rnn-cat"):
        subprocess.run([f"{bin_}/rnn-cat", "check", f"{folder}/nets.rnn"], stdout=subprocess.DEVNULL, check=True)
    with open(f"{folder}/nets.rnn", "r+b") as cut:
        cut.truncate(os.path.getsize(cut.name) - 60)
    assert subprocess.run([sys.executable, "-c", reader], cwd=folder, capture_output=True).returncode != 0


def try_tools(folder, bin_):
    if not os.path.exists(f"{bin_}/taskgen"):
        return
    with open(f"{folder}/trials.rnn", "wb") as out:
        subprocess.run([f"{bin_}/taskgen", "flip-flop"], stdout=out, check=True)
    one = verify(f"{folder}/trials.rnn")
    assert one > 0
    with open(f"{folder}/two.rnn", "wb") as out:
        subprocess.run(["cat"] + 2 * [f"{folder}/trials.rnn"], stdout=out, check=True)
    assert verify(f"{folder}/two.rnn") == 2 * one


def main():
    mode, paths = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
    bin_ = os.environ.get("BIN", "build/release/bin")
    if mode == "verify":
        for p in paths:
            print(f"{p}: {verify(p)} arrays")
    elif mode == "expect":
        expect(paths[0])
    elif mode == "write":
        write_sample(paths[0])
    elif mode:
        sys.exit(__doc__)
    else:
        with tempfile.TemporaryDirectory() as folder:
            try_page(folder, bin_)
            try_tools(folder, bin_)


if __name__ == "__main__":
    main()
