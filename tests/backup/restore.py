#!/usr/bin/python3
"""Restores a backup into a new folder: restore.py FILE FOLDER, with the passphrase on standard input.

The format is described in docs/backup.md. Needs the Debian packages python3-argon2 and python3-cryptography.
Nothing is written unless the whole file is good.
"""
import hmac, pathlib, re, struct, sys
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

def restore(data, passphrase):
    magic, memory, passes, lanes, zero, salt, _ = struct.unpack_from("<8s4I16s16s", data)
    if magic != b"skepbak1" or zero or memory > 1 << 18 or memory * passes > 1 << 26 or lanes > 8:
        raise ValueError("no backup, or too dear")
    key = hash_secret_raw(passphrase, salt, passes, memory, lanes, 32, Type.ID)
    cipher = ChaCha20Poly1305(hmac.digest(key, data[:56], "sha256"))
    pieces = [data[56:72]] + [data[at:at + 32768] for at in range(72, len(data), 32768)]
    nonces = [struct.pack("<QI", number, 0 < number == len(pieces) - 1) for number in range(len(pieces))]
    plain = b"".join(cipher.decrypt(nonce, piece, None) for nonce, piece in zip(nonces, pieces))
    (count,), at, table, parts = struct.unpack_from("<I", plain), 4, [], {}
    for _ in range(count):
        table.append(struct.unpack_from(f"<{plain[at]}sQ", plain, at + 1))
        at += 9 + plain[at]
    for name, length in table:
        parts[name.decode()], at = plain[at:at + length], at + length
    in_order = list(parts) == sorted(parts) and len(parts) == count and at == len(plain)
    if not in_order or not all(re.fullmatch("[a-z0-9][a-z0-9._-]{0,63}", name) for name in parts):
        raise ValueError("parts are missing, repeated, out of order, badly named, or something follows them")
    return parts

try:
    contents = restore(pathlib.Path(sys.argv[1]).read_bytes(), sys.stdin.buffer.read())
except (ValueError, InvalidTag, struct.error, IndexError) as error:
    sys.exit(f"not restored: {error!r}")
(folder := pathlib.Path(sys.argv[2])).mkdir()
for name, content in contents.items():
    (folder / name).write_bytes(content)
