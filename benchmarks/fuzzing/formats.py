"""Mutate what lies behind a checksum, a compression or a size, and write these right again.

Random damage rarely gets past them: a flipped bit in a compressed array is noticed by its CRC.
"""

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import soundfile

from fuzzing.damage import damage, one_of
from fuzzing.documents import mutate_json

Mutation = tuple[str, bytes]

_BANK, _VOICE = bytes([0xF0, 0x43, 0, 9, 0x20, 0]), bytes([0xF0, 0x43, 0, 0, 1, 0x1B])


# -- sounds -----------------------------------------------------------------------------------


def mutate_samples(rng: np.random.Generator, sound: np.ndarray, rate: int, format: str) -> Mutation:
    """Write a sound, shape ``(samples, channels)``, with other samples, channels or rate.

    Only formats that store floats get samples beyond full scale: encoders need not take them.
    """
    sound = sound.copy()
    subtypes = {
        "WAV": ("FLOAT", "DOUBLE", "PCM_16", "PCM_24", "PCM_U8", "ULAW", "MS_ADPCM"),
        "FLAC": ("PCM_16", "PCM_24", "PCM_S8"),
        "MP3": ("MPEG_LAYER_III",),
    }[format]
    subtype = one_of(rng, subtypes)
    changes = ("spikes", "silence", "short", "channels", "rate", "scale", "constant", "one sample")
    change = one_of(rng, changes)
    if change == "spikes":
        values = (np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40)
        sound[rng.integers(len(sound), size=one_of(rng, (1, 3, 1000)))] = one_of(rng, values)
    elif change == "silence":
        start = int(rng.integers(len(sound)))
        sound[start:] = 0.0
    elif change == "short":
        sound = sound[: one_of(rng, (0, 1, 10, 441, 2300))]
    elif change == "channels" and format != "MP3":
        sound = np.tile(sound[:, :1], (1, one_of(rng, (3, 6, 8))))
        sound[:, : int(rng.integers(1, sound.shape[1]))] *= one_of(rng, (0.0, -1.0))
    elif change == "rate" and format != "MP3":
        rate = one_of(rng, (1, 100, 999, 1000, 1001, 11_025, 48_001, 192_000, 655_350))
    elif change == "scale":
        sound *= one_of(rng, (1e-12, 1e-4, 1e6, 1e30))
    elif change == "constant":
        sound[:] = one_of(rng, (1e-3, 1.0, -1.0, 100.0))
    else:
        sound[:] = 0.0
        sound[int(rng.integers(len(sound)))] = 1.0
    if subtype not in ("FLOAT", "DOUBLE"):
        sound = np.clip(np.nan_to_num(sound), -1.0, 1.0)
    file = io.BytesIO()
    with np.errstate(all="ignore"):
        soundfile.write(file, sound, rate, subtype=subtype, format=format)
    return f"{change} as {subtype}", file.getvalue()


# -- DX7 dumps --------------------------------------------------------------------------------


def mutate_dump(rng: np.random.Generator, data: bytes) -> Mutation:
    """Damage the voices in a dump of one bank or voice; its length and checksum stay right."""
    size = 4096 if data.startswith(_BANK) else 155
    name, payload = damage(rng, data[6 : 6 + size])
    payload = payload[:size].ljust(size, b"\0")
    if rng.random() < 0.7:
        payload = bytes(byte & 0x7F for byte in payload)
    return f"{name}, behind a right checksum", _dump(data[:6], payload) + data[8 + size :]


def _dump(header: bytes, payload: bytes) -> bytes:
    return header + payload + bytes([-sum(payload) & 0x7F, 0xF7])


# -- patches of Surge XT -------------------------------------------------------------------------


def mutate_surge_xml(rng: np.random.Generator, data: bytes) -> Mutation:
    """Mutate the XML in an ``.fxp`` or ``.vstpreset``; all sizes stay right."""
    from unsynth.formats.surge import read_surge_patch, write_surge_patch
    from unsynth.formats.vst import read_fxp, read_vstpreset, write_fxp, write_vstpreset

    is_fxp = data.startswith(b"CcnK")
    chunk = read_fxp(data).chunk if is_fxp else read_vstpreset(data).chunks["Comp"]
    patch = read_surge_patch(chunk)
    name, xml = _mutate_xml(rng, patch.xml)
    chunk = write_surge_patch(replace(patch, xml=xml))
    if is_fxp:
        return name, write_fxp(replace(read_fxp(data), chunk=chunk))
    preset = read_vstpreset(data)
    return name, write_vstpreset(replace(preset, chunks={**preset.chunks, "Comp": chunk}))


def _mutate_xml(rng: np.random.Generator, xml: bytes) -> Mutation:
    way = one_of(rng, ("values", "values", "nesting", "element", "bytes", "entity"))
    if way == "values":
        parts = xml.split(b'"')
        texts = (b"nan", b"inf", b"1e999", b"", b"x", b"-1", b"9" * 5000, b"0x1", "\u0661".encode())
        for _ in range(one_of(rng, (1, 5, 200))):
            parts[1 + 2 * int(rng.integers((len(parts) - 1) // 2))] = one_of(rng, texts)
        return "values in XML", b'"'.join(parts)
    if way == "nesting":
        depth = one_of(rng, (10, 200, 2000, 20_000))
        start = b"<parameters>"
        nested = xml.replace(start, start + b"<a>" * depth + b"</a>" * depth)
        return f"{depth} nested elements in XML", nested
    if way == "element":
        parts = xml.split(b"<")
        del parts[int(rng.integers(1, len(parts)))]
        return "an element less in XML", b"<".join(parts)
    if way == "entity":
        return "an entity in XML", b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + xml.replace(b'""', b'"&b;"')
    name, damaged = damage(rng, xml)
    return f"{name}, in XML", damaged


# -- indices ----------------------------------------------------------------------------------


def mutate_index(rng: np.random.Generator, data: bytes) -> Mutation:
    """Mutate an array of an ``.npz``, or its header; the CRCs of the file stay right."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    member = one_of(rng, list(members))
    way = one_of(rng, ("array", "array", "array", "shape in the head", "bytes", "missing"))
    if member == "header.npy" and way == "array":
        way, text = mutate_json(rng, _array(members[member]).tobytes())
        members[member] = _npy(np.frombuffer(text, dtype=np.uint8))
    elif way == "array":
        way, array = _mutate_array(rng, _array(members[member]))
        members[member] = _npy(array)
    elif way == "shape in the head":
        shape = one_of(rng, ("(1000000000000,)", "(-1,)", "()", "(0, 5)", "(10**9,)", "'x'"))
        members[member] = _with_shape(members[member], shape)
    elif way == "bytes":
        way, members[member] = damage(rng, members[member])
    else:
        del members[member]
    file_again = io.BytesIO()
    with zipfile.ZipFile(file_again, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return f"{way} of {member}", file_again.getvalue()


def _mutate_array(rng: np.random.Generator, array: np.ndarray) -> tuple[str, np.ndarray]:
    array = array.copy()
    way = one_of(rng, ("values", "values", "type", "shape"))
    if way == "values":
        values = (np.nan, np.inf, -np.inf, 6e4) if array.dtype.kind == "f" else (0, 1, 127)
        places = rng.integers(array.size, size=one_of(rng, (1, 1, array.size)))
        array.flat[places] = one_of(rng, values)
    elif way == "type":
        types = ("f2", "f8", "i8", "u1", "?", "c16", "U4", "S3", "m8[s]")
        with np.errstate(all="ignore"):
            array = array.astype(one_of(rng, types))
    else:
        shapes = (array[:-1], array[:0], array[None], array[..., :1], array.T, array.ravel()[:1])
        array = one_of(rng, shapes)
    return way, array


def _array(npy: bytes) -> np.ndarray:
    return np.load(io.BytesIO(npy))


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _with_shape(npy: bytes, shape: str) -> bytes:
    """Write another shape into the header of an ``.npy``, of the same length."""
    (length,) = struct.unpack_from("<H", npy, 8)
    head = npy[10 : 10 + length].decode("latin-1")
    start = head.index("(")
    text = head[:start] + shape + head[head.index(")") + 1 :]
    head = text.rstrip().ljust(length - 1)[: length - 1] + "\n"
    return npy[:10] + head.encode() + npy[10 + length :]


# -- weights ----------------------------------------------------------------------------------


def mutate_weights(
    rng: np.random.Generator, files: Mapping[str, bytes]
) -> tuple[str, dict[str, bytes]]:
    """Mutate a weight file or its JSON; size and SHA-256 in the JSON stay right, mostly."""
    (weights,) = (name for name in files if name.endswith(".safetensors"))
    (description,) = (name for name in files if name.endswith(".json"))
    files = dict(files)
    way = one_of(rng, ("json", "json", "tensor", "tensor", "header", "bytes", "damage"))
    if way == "json":
        name, files[description] = mutate_json(rng, files[description])
        return f"{name} in the JSON", files
    if way == "damage":
        name, files[weights] = damage(rng, files[weights])
        return f"{name} in the weights, checksum wrong", files
    if way == "tensor":
        name, files[weights] = _mutate_tensor(rng, files[weights])
    elif way == "bytes":
        name, files[weights] = damage(rng, files[weights])
    else:
        (size,) = struct.unpack_from("<Q", files[weights])
        name, head = mutate_json(rng, files[weights][8 : 8 + size])
        files[weights] = struct.pack("<Q", len(head)) + head + files[weights][8 + size :]
    content = json.loads(files[description])
    content["weight_bytes"] = len(files[weights])
    content["sha256"] = hashlib.sha256(files[weights]).hexdigest()
    files[description] = json.dumps(content).encode()
    return f"{name} in the weights, checksum right", files


def _mutate_tensor(rng: np.random.Generator, data: bytes) -> Mutation:
    import safetensors.numpy

    tensors = safetensors.numpy.load(data)
    name = one_of(rng, list(tensors))
    tensor = tensors[name]
    way = one_of(rng, ("nan", "inf", "large", "type", "shape", "missing", "another", "all nan"))
    if way in ("nan", "inf", "large"):
        tensor = np.array(tensor)
        value = {"nan": np.nan, "inf": np.inf, "large": 6e4}[way]
        if tensor.dtype.kind == "f":
            tensor.flat[int(rng.integers(tensor.size))] = value
        tensors[name] = tensor
    elif way == "all nan":
        tensors[name] = np.full_like(tensor, np.nan if tensor.dtype.kind == "f" else 1)
    elif way == "type":
        with np.errstate(all="ignore"):
            tensors[name] = tensor.astype(one_of(rng, ("i8", "i1", "?", "f8", "i4")))
    elif way == "shape":
        shapes = (tensor[:-1], tensor[None], tensor.T, tensor[:0])
        tensors[name] = np.ascontiguousarray(one_of(rng, shapes))
    elif way == "missing":
        del tensors[name]
    else:
        tensors[one_of(rng, (f"{name}.step", "x", "", "\x1b[1m"))] = tensor
    return f"{way} of {name}", safetensors.numpy.save(tensors)
