import pickle

from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.dx7.sketch import DX7Sketch
from unsynth.sketches.vital.sketch import VitalSketch
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.dx7.task import DX7Task


def test_dx7_has_a_sketch():
    task = DX7Task()
    sketch = sketch_of(task)
    assert isinstance(sketch, DX7Sketch)
    assert sketch.task is task


def test_vital_simple_has_a_sketch():
    assert isinstance(sketch_of(load_task("vital-simple")), VitalSketch)
    assert sketch_of(load_task("vital-full")) is None


def test_pickled_sketch_is_small_enough_for_a_spawned_process():
    """A spawned process that is handed more than 64 kB holds up its parent."""
    sketch = sketch_of(DX7Task())
    pickled = pickle.dumps(sketch)
    assert len(pickled) < 1000
    restored = pickle.loads(pickled)
    assert restored.fitted.tolist() == sketch.fitted.tolist()
    assert restored.structure.tolist() == sketch.structure.tolist()
