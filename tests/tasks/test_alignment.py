import numpy as np

from unsynth.tasks.alignment import nearest_image


def test_nearest_image_undoes_an_exchange_of_operators(task):
    rng, exchanges = np.random.default_rng(8), 0
    for _ in range(20):
        patch = task.sample(rng)
        images = task.symmetries(patch)
        x = task.spec.encode(patch[None])[0]
        image = task.spec.decode(x[images[-1]][None])[0]
        nearest = nearest_image(task, image, patch)
        audible = task.active(patch)
        np.testing.assert_array_equal(nearest[audible], patch[audible])
        exchanges += (image[audible] != patch[audible]).any()
    assert exchanges > 5
