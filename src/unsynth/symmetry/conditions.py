"""Find the conditions under which an exchange leaves the sound as it is.

A decision tree (scikit-learn) learns from the parameters that the exchange does not touch whether a
patch sounds the same. A category enters it as one number: the rank of its choice by the share of
patches that sound the same (L. Breiman et al., "Classification and Regression Trees", 1984, section
4.2.2: for two classes one split of that order is the best of all splits). A leaf in which all
patches sound the same is a condition. Then each part of a condition is dropped if the patches do
not need it, and conditions that differ in one category only are joined.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.tasks.exchange import Condition
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.spec import Patch, Spec

#: Conditions that all hold.
Group = tuple[Condition, ...]

#: The smallest leaf: fewer patches alike are chance.
_LEAST = 3
#: A tree this deep tells 128 cases apart.
_DEPTH = 7


@dataclass(frozen=True)
class Observations:
    """Patches, and whether the exchanged patch sounds the same."""

    patches: Float[np.ndarray, "items parameters"]
    same: Bool[np.ndarray, " items"]

    def matching(self, group: Group) -> Bool[np.ndarray, " items"]:
        """Say which patches meet all conditions of a group."""
        matching = np.ones(len(self.patches), dtype=bool)
        for condition in group:
            values = self.patches[:, condition.parameter]
            if condition.choices is not None:
                matching &= np.isin(values, list(condition.choices))
            else:
                matching &= (condition.low <= values) & (values <= condition.high)
        return matching

    def matching_any(self, groups: Sequence[Group]) -> Bool[np.ndarray, " items"]:
        """Say which patches meet at least one of some groups."""
        matching = np.zeros(len(self.patches), dtype=bool)
        for group in groups:
            matching |= self.matching(group)
        return matching

    def counts(self, group: Group) -> tuple[int, int]:
        """Count the patches that meet a group, and those of them that sound the same."""
        matching = self.matching(group)
        return int(matching.sum()), int((matching & self.same).sum())


def find_conditions(
    observations: Observations, spec: Spec, shared: Sequence[int], least_share: float = 1.0
) -> tuple[Group, ...]:
    """Find groups of conditions on the ``shared`` parameters in which patches sound the same.

    ``least_share`` is the share of a group's patches that must. Returns no group if there is none.
    """
    from sklearn.tree import DecisionTreeClassifier

    same = observations.same
    if same.mean() >= least_share:
        return ((),)
    if not same.any() or not shared:
        return ()
    orders = {
        position: _order(observations, position)
        for position in shared
        if isinstance(spec.parameters[position], Categorical)
    }
    columns = np.stack(
        [
            _ranks(orders[position], observations.patches[:, position])
            if position in orders
            else observations.patches[:, position]
            for position in shared
        ],
        axis=1,
    )
    tree = DecisionTreeClassifier(
        max_depth=_DEPTH,
        min_samples_leaf=_LEAST,
        # Weighted sums are rounded: without it a leaf of one class may be split again.
        min_impurity_decrease=1e-9,
        class_weight="balanced",
        random_state=0,
    )
    tree.fit(columns, same)
    leaves = tree.apply(columns)
    groups = []
    for bounds, leaf in _paths(tree.tree_):
        inside = leaves == leaf
        if same[inside].mean() >= least_share:
            conditions = (
                _condition(spec, shared[column], low, high, columns[inside, column], orders)
                for column, (low, high) in bounds.items()
            )
            groups.append(_without_needless(tuple(conditions), observations, least_share))
    return _joined(groups)


def describe(groups: Sequence[Group], spec: Spec) -> str:
    """Write conditions in words.

    >>> from unsynth.tasks.parameter import Integer
    >>> spec = Spec((Integer("feedback", 0, 7), Categorical("algorithm", ("1", "2", "3"))))
    >>> describe([(Condition(1, choices=frozenset({0, 2})), Condition(0, high=0.0))], spec)
    'algorithm is not 2 and feedback is 0'
    """
    if any(not group for group in groups):
        return "always"
    return "; or ".join(" and ".join(_words(c, spec) for c in group) for group in groups)


def _words(condition: Condition, spec: Spec) -> str:
    parameter = spec.parameters[condition.parameter]
    name = parameter.name
    if isinstance(parameter, Categorical):
        chosen = sorted(condition.choices or ())
        if len(chosen) > 1 and len(chosen) > len(parameter.choices) / 2:
            others = [c for i, c in enumerate(parameter.choices) if i not in chosen]
            return f"{name} is not {_listed(others, 'or')}"
        return f"{name} is {_listed([parameter.choices[i] for i in chosen], 'or')}"
    low, high = max(condition.low, parameter.low), min(condition.high, parameter.high)
    if low == high:
        return f"{name} is {low:g}"
    if low == parameter.low:
        return f"{name} is at most {high:g}"
    if high == parameter.high:
        return f"{name} is at least {low:g}"
    return f"{name} is from {low:g} to {high:g}"


def _listed(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def meet(group: Group, patch: Patch, spec: Spec, number: int, rng: np.random.Generator) -> Patch:
    """Change a patch so that it meets a group.

    A category takes the group's choices in turn, by ``number``; a number that is out of range is
    drawn uniformly from the range.
    """
    changed = patch.copy()
    for condition in group:
        if condition.choices is not None:
            choices = sorted(condition.choices)
            changed[condition.parameter] = choices[number % len(choices)]
        elif not condition.holds(patch):
            parameter = spec.parameters[condition.parameter]
            assert not isinstance(parameter, Categorical)
            low, high = max(condition.low, parameter.low), min(condition.high, parameter.high)
            value = rng.uniform(low, high)
            if isinstance(parameter, Integer):
                value = float(rng.integers(math.ceil(low), math.floor(high) + 1))
            changed[condition.parameter] = value
    return changed


def _order(observations: Observations, position: int) -> Int[np.ndarray, " choices"]:
    """List the choices that occur, from the lowest share of same sounds to the highest."""
    values = observations.patches[:, position].astype(int)
    choices = np.unique(values)
    shares = [observations.same[values == choice].mean() for choice in choices]
    return choices[np.argsort(shares, kind="stable")]


def _ranks(
    order: Int[np.ndarray, " choices"], values: Float[np.ndarray, " items"]
) -> Float[np.ndarray, " items"]:
    rank = {choice: float(place) for place, choice in enumerate(order.tolist())}
    return np.array([rank[int(value)] for value in values.tolist()])


def _paths(tree: object) -> Iterator[tuple[dict[int, tuple[float, float]], int]]:
    """Yield the bounds of each leaf, by column, and its number."""
    stack: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    while stack:
        node, bounds = stack.pop()
        if left[node] == right[node]:
            yield bounds, node
            continue
        column = int(tree.feature[node])  # type: ignore[attr-defined]
        threshold = float(tree.threshold[node])  # type: ignore[attr-defined]
        low, high = bounds.get(column, (-math.inf, math.inf))
        stack.append((int(left[node]), bounds | {column: (low, threshold)}))
        stack.append((int(right[node]), bounds | {column: (threshold, high)}))


def _condition(
    spec: Spec,
    position: int,
    low: float,
    high: float,
    inside: Float[np.ndarray, " some"],
    orders: dict[int, Int[np.ndarray, " choices"]],
) -> Condition:
    """Turn the bounds of a column into a condition.

    A continuous parameter's bounds shrink to the patches inside, so that nothing untried is in.
    """
    if position in orders:
        ranks = range(len(orders[position]))
        chosen = (int(orders[position][rank]) for rank in ranks if low < rank <= high)
        return Condition(position, choices=frozenset(chosen))
    if isinstance(spec.parameters[position], Integer):
        return Condition(
            position,
            -math.inf if low == -math.inf else math.floor(low) + 1.0,
            math.inf if high == math.inf else float(math.floor(high)),
        )
    return Condition(
        position,
        low if low == -math.inf else float(inside.min()),
        high if high == math.inf else float(inside.max()),
    )


def _without_needless(group: Group, observations: Observations, least_share: float) -> Group:
    """Drop the conditions without which the patches that meet the others still sound the same."""
    for condition in group:
        rest = tuple(other for other in group if other is not condition)
        tried, same = observations.counts(rest)
        if same >= least_share * tried:
            group = rest
    return group


def _joined(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Join groups that differ in the choices of one category only, and drop what others imply."""
    joined: list[Group] = []
    for group in groups:
        for i, other in enumerate(joined):
            union = _union(group, other)
            if union is not None:
                joined[i] = union
                break
        else:
            joined.append(group)
    if len(joined) < len(groups):
        return _joined(joined)
    return tuple(_remainder(group, [g for g in joined if g is not group]) for group in joined)


def _union(one: Group, other: Group) -> Group | None:
    """Return the group that holds where either does, if it is one group; else ``None``."""
    if _implies(one, other):
        return other
    if _implies(other, one):
        return one
    mine, theirs = set(one) - set(other), set(other) - set(one)
    if len(mine) != 1 or len(theirs) != 1:
        return None
    a, b = mine.pop(), theirs.pop()
    if a.parameter != b.parameter or a.choices is None or b.choices is None:
        return None
    return tuple(replace(c, choices=a.choices | b.choices) if c == a else c for c in one)


def _implies(one: Group, other: Group) -> bool:
    """Say whether every patch that meets one group meets the other."""
    return all(any(_is_within(mine, theirs) for mine in one) for theirs in other)


def _is_within(one: Condition, other: Condition) -> bool:
    if one.parameter != other.parameter:
        return False
    if one.choices is not None and other.choices is not None:
        return one.choices <= other.choices
    return other.low <= one.low and one.high <= other.high


def _remainder(group: Group, others: Sequence[Group]) -> Group:
    """Take from a group's choices those with which another group holds anyway."""
    for condition in group:
        if condition.choices is None:
            continue
        rest = tuple(c for c in group if c is not condition)
        covered = {
            choice
            for choice in condition.choices
            for other in others
            if _implies((*rest, replace(condition, choices=frozenset({choice}))), other)
        }
        smaller = replace(condition, choices=condition.choices - covered)
        group = tuple(smaller if c is condition else c for c in group)
    return group
