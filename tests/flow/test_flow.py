import itertools
import math

import numpy as np
import pytest
import torch

from tests.models.small import small_flow
from unsynth.flow.coupling import Coupling, align_units, couple
from unsynth.flow.guidance import guided_field
from unsynth.flow.inpainting import inpainted_field
from unsynth.flow.path import point, velocity
from unsynth.flow.solver import Solver, solve
from unsynth.models.param2tok import Param2Tok
from unsynth.models.vector_fields import DiffusionTransformer
from unsynth.training.objective import Noise, draw_times, flow_matching_loss


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def test_the_derivative_of_the_path_is_its_velocity():
    x0, x1 = normal(20, 3), normal(20, 3, seed=1)
    t = torch.linspace(0, 1, 20).double().requires_grad_()
    at = point(x0, x1, t)
    for column in range(3):
        (derivative,) = torch.autograd.grad(at[:, column].sum(), t, retain_graph=True)
        torch.testing.assert_close(derivative, velocity(x0, x1)[:, column])
    torch.testing.assert_close(at[0], x0[0])
    torch.testing.assert_close(at[-1], x1[-1])


@pytest.mark.parametrize(
    ("solver", "order"), [(Solver.EULER, 1), (Solver.MIDPOINT, 2), (Solver.RK4, 4)]
)
def test_solvers_reach_their_order(solver, order):
    x0 = normal(4, 3)
    exact = x0 * math.exp(1.5)

    def error(steps: int) -> float:
        reached = solve(lambda x, t: x * (1.0 + t), x0, steps, solver)
        return float((reached - exact).abs().max())

    assert math.log2(error(32) / error(64)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_the_adaptive_solver_keeps_its_tolerance(tolerance):
    x0, evaluations = normal(4, 3), []

    def field(x: torch.Tensor, t: float) -> torch.Tensor:
        evaluations.append(t)
        return x * math.cos(20.0 * t)

    reached = solve(field, x0, 1, Solver.ADAPTIVE, tolerance)
    exact = x0 * math.exp(math.sin(20.0) / 20.0)
    assert (reached - exact).abs().max() < 30 * tolerance
    assert 30 < len(evaluations) < {1e-3: 150, 1e-6: 400, 1e-9: 2000}[tolerance]


@pytest.mark.parametrize("solver", Solver)
def test_a_solver_starts_at_the_given_time(solver):
    def field(x: torch.Tensor, t: float) -> torch.Tensor:
        return x * t

    start = torch.ones(2, 3, dtype=torch.float64)
    reached = solve(field, start, 50, solver, tolerance=1e-8, start=0.6)
    exact = math.exp((1.0 - 0.6**2) / 2.0)
    torch.testing.assert_close(reached, exact * start, rtol=6e-3, atol=0.0)


def test_guidance_mixes_both_velocities_by_the_formula():
    model = small_flow()
    x = normal(6, 7).float()
    levels = 160 + 3 * normal(6, 1, 128, 401)
    sound = model.encode(levels.round().to(torch.uint8))
    none = model.unconditional(6)
    times = torch.full((6,), 0.3)
    v_c, v_u = model(x, times, sound), model(x, times, none)
    assert (v_c - v_u).abs().max() > 0.01
    torch.testing.assert_close(guided_field(model, sound, none, 1.0)(x, 0.3), v_c)
    torch.testing.assert_close(guided_field(model, sound, none, 0.0)(x, 0.3), v_u)
    torch.testing.assert_close(
        guided_field(model, sound, none, 2.5)(x, 0.3), v_u + 2.5 * (v_c - v_u)
    )


def test_optimal_transport_finds_the_cheapest_permutation():
    x0, x1 = normal(6, 3), normal(6, 3, seed=1)

    def cost(noise: torch.Tensor) -> float:
        return float((noise - x1).square().sum())

    coupled = couple(Coupling.OPTIMAL_TRANSPORT, x0, x1)
    assert sorted(coupled.tolist()) == sorted(x0.tolist())
    every = [cost(x0[list(order)]) for order in itertools.permutations(range(6))]
    assert cost(coupled) == pytest.approx(min(every))
    assert cost(coupled) < every[0]
    assert torch.equal(couple(Coupling.INDEPENDENT, x0, x1), x0)


def test_aligned_coupling_takes_the_nearest_image_of_each_item():
    x0, x1 = normal(5, 4), normal(5, 4, seed=1)
    # Symmetries of the items: none, both pairs exchanged, or all orders of the first three.
    orders = [(*order, 3) for order in itertools.permutations(range(3))]
    groups = [[(0, 1, 2, 3)], [(0, 1, 2, 3), (2, 3, 0, 1)], orders, orders, orders]
    coupled = couple(Coupling.ALIGNED, x0, x1, lambda: [np.array(group) for group in groups])
    for noise, data, before, group in zip(coupled, x1, x0, groups, strict=True):
        assert sorted(noise.tolist()) == sorted(before.tolist())
        # The aligned noise is as far from the data as the original noise from its nearest image.
        costs = [float((before - data[list(order)]).square().sum()) for order in group]
        assert float((noise - data).square().sum()) == pytest.approx(min(costs))
    both = couple(Coupling.ALIGNED_TRANSPORT, x0, x1, lambda: [np.array(g) for g in groups])
    transported = couple(Coupling.OPTIMAL_TRANSPORT, x0, x1)
    assert (both - x1).square().sum() <= (transported - x1).square().sum()
    assert [sorted(row) for row in both.tolist()] == [sorted(row) for row in transported.tolist()]


@pytest.mark.parametrize("solver", Solver)
def test_known_coordinates_follow_the_path_at_every_stage(solver):
    x0 = normal(5, 4)
    values = torch.tensor([0.0, 0.25, 0.0, -0.75]).double().expand(5, -1)
    known = torch.tensor([False, True, False, True])
    stages = []

    def field(x: torch.Tensor, t: float) -> torch.Tensor:
        stages.append((x, t))
        return x @ torch.ones(4, 4, dtype=x.dtype) - x

    x1 = solve(inpainted_field(field, x0, values, known), x0, 3, solver)
    assert len(stages) == {Solver.EULER: 3, Solver.MIDPOINT: 6, Solver.RK4: 12}.get(
        solver, len(stages)
    )
    for x, t in [*stages, (x1, 1.0)]:
        on_path = (1 - t) * x0 + t * values
        torch.testing.assert_close(x[:, known], on_path[:, known])
    free = solve(field, x0, 3, solver)
    assert (free[:, [0, 2]] - x1[:, [0, 2]]).abs().max() > 0.1


def test_inpainting_leaves_an_independent_coordinate_its_distribution():
    # For data N(0, S), v = (t S - (1 - t)) ((1 - t)^2 + t^2 S)^-1 x; at t = 1 data is reached.
    covariance = torch.tensor([[1.0, 0.0], [0.0, 0.2]]).double()

    def field(x: torch.Tensor, t: float) -> torch.Tensor:
        eye = torch.eye(2).double()
        gain = (t * covariance - (1 - t) * eye) @ torch.linalg.inv(
            (1 - t) ** 2 * eye + t**2 * covariance
        )
        return x @ gain.T

    noise, known = normal(20_000, 2), torch.tensor([True, False])
    samples = solve(inpainted_field(field, noise, torch.full_like(noise, 0.5), known), noise, 20)
    torch.testing.assert_close(samples[:, 0], torch.full((20_000,), 0.5).double())
    assert samples[:, 1].var() == pytest.approx(0.2, rel=0.05)


def test_the_loss_drops_its_share_of_sounds():
    noise = Noise(torch.randn(20_000, 2), *draw_times(np.random.default_rng(0), 20_000, 0.1))
    assert 0.09 < noise.dropped.float().mean() < 0.11
    assert 0.48 < noise.t.mean() < 0.52 and noise.t.min() >= 0 and noise.t.max() < 1
    seen = []

    def field(x: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        seen.append(conditioning)
        return torch.zeros_like(x)

    sound, none = torch.ones(20_000, 2, 3), torch.zeros(20_000, 2, 3)
    x1 = torch.zeros(20_000, 2)
    loss = flow_matching_loss(field, x1, sound, none, noise)
    torch.testing.assert_close(seen[0], (~noise.dropped).float()[:, None, None].expand(-1, 2, 3))
    torch.testing.assert_close(loss, noise.x0.square().mean())


def test_a_linear_gaussian_posterior_is_recovered():
    """Prior N(0, 1), y = x_1 + x_2 + 0.5 e: the posterior is a Gaussian, correlated."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    field = DiffusionTransformer(
        values=2,
        tokens=Param2Tok(2, 2, 24),
        conditioning=1,
        width=24,
        heads=1,
        layers=2,
        feed_forward=48,
        modulation=24,
        time=16,
        data_variance=1.0,
    )
    optimizer = torch.optim.Adam(field.parameters(), lr=4e-3)
    steps, items = 400, 256
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x1 = torch.from_numpy(rng.standard_normal((items, 2), dtype=np.float32))
        error = torch.from_numpy(rng.standard_normal(items, dtype=np.float32))
        y = (x1.sum(dim=1) + 0.5 * error)[:, None, None].expand(-1, 2, 1)
        noise = Noise(torch.randn(items, 2), *draw_times(rng, items, dropout=0.0))
        loss = flow_matching_loss(field, x1, y, y, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    a = np.ones((1, 2))
    covariance = np.linalg.inv(np.eye(2) + a.T @ a / 0.25)
    for y in (-1.5, 0.0, 1.0):
        mean = covariance @ a.T[:, 0] * y / 0.25
        conditioning = torch.full((2000, 2, 1), y)
        with torch.no_grad():
            samples = solve(
                guided_field(field, conditioning, conditioning, 1.0),
                normal(2000, 2, seed=1).float(),
                12,
                Solver.MIDPOINT,
            ).numpy()
        np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.1)
        np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.1)


def test_align_units_finds_the_best_of_all_orders():
    """The best order is that of a list of the whole symmetric group, for each item alone."""
    torch.manual_seed(0)
    x0, x1 = torch.randn(2, 6, 4, 3)
    aligned = align_units(x0, x1)
    orders = [list(order) for order in itertools.permutations(range(4))]
    for noise, data, result in zip(x0, x1, aligned, strict=True):
        distances = [(noise[order] - data).square().sum() for order in orders]
        torch.testing.assert_close((result - data).square().sum(), min(distances))
        assert sorted(result.flatten().tolist()) == sorted(noise.flatten().tolist())
