"""Which tasks have a sketch."""

from unsynth.sketches.dx7.sketch import DX7Sketch
from unsynth.sketches.sketch import Sketch
from unsynth.sketches.vital.sketch import TASK, VitalSketch
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.task import Task


def sketch_of(task: Task) -> Sketch | None:
    """Return the sketch of a task's engine, or ``None`` where there is none."""
    if isinstance(task, DX7Task):
        return DX7Sketch(task)
    return VitalSketch(task) if task.name == TASK else None
