"""The structure of a patch: its audible categories, such as a DX7's algorithm."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.spec import Patch, Spec
from unsynth.tasks.task import Task


def structure(task: Task, patch: Patch) -> bytes:
    """Encode the audible categories; equal for patches of the same structure."""
    return np.where(task.active(patch), patch, -1.0)[task.spec.categorical].tobytes()


def canonical_structure(task: Task, patch: Patch) -> bytes:
    """Encode the structure without LFOs, equal also for patches that are exchanges of each other.

    It is the least of the encoded structures of all images of the patch. An LFO's wave is a detail
    of a sound: patches that differ in no other category are not told apart.
    """
    return canonical_structures(task, [patch])[0]


def canonical_structures(task: Task, patches: Sequence[Patch]) -> list[bytes]:
    """Encode the canonical structure of each patch (:func:`canonical_structure`)."""
    if not patches:
        return []
    spec = task.spec
    columns = np.flatnonzero(main_categories(spec)).tolist()
    widths = [parameter.width for parameter in spec.parameters]
    first_coordinates = [spec.slices[column].start for column in columns]
    structures = []
    for patch, x in zip(patches, spec.encode(np.stack(patches)), strict=True):
        images = task.symmetries(patch)
        values = [spec.parameters[i].decode(x[images[:, spec.slices[i]]]) for i in columns]
        # Audibility moves along with the parameters, so no image needs a call of ``active``.
        active = np.repeat(task.active(patch), widths)[images[:, first_coordinates]]
        rows = np.where(active, np.array(values).reshape(len(columns), len(images)).T, -1.0)
        structures.append(min(row.tobytes() for row in rows))
    return structures


def number_structures(task: Task, patches: Sequence[Patch]) -> list[int]:
    """Number the canonical structures of patches from 1, in the order in which they first occur."""
    structures = canonical_structures(task, patches)
    numbers = {each: i for i, each in enumerate(dict.fromkeys(structures), start=1)}
    return [numbers[each] for each in structures]


def structure_differences(task: Task, patch: Patch, reference: Patch) -> dict[str, str | None]:
    """List the categories, but for those of LFOs, that differ from a reference patch.

    Maps the name of each to its value in the image of the patch that is nearest to the reference;
    ``None`` is an inaudible value.
    """
    spec = task.spec
    image = nearest_image(task, patch, reference)
    audible = task.active(image)
    values = np.where(audible, image, -1.0)
    different = values != np.where(task.active(reference), reference, -1.0)
    return {
        spec.names[place]: str(spec.value_name(place, image[place])) if audible[place] else None
        for place in np.flatnonzero(different & main_categories(spec)).tolist()
    }


def main_categories(spec: Spec) -> Bool[np.ndarray, " parameters"]:
    """Return whether each parameter is a category, and not one of an LFO."""
    is_lfo = [name.startswith("lfo") for name in spec.names]
    return spec.categorical & ~np.array(is_lfo)
