"""The cheapest design that shows changes of given sizes, over a small grid of prompts, samples and templates."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Final

from steering_reliability.evidence.design_power import design_of_prompts
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.similarity import cluster_prompts
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.statistics.power import ENOUGH, Design, Question, Rates, Simulation

SAMPLES: Final = (1, 2, 3, 5, 10)
PROMPTS: Final = (20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 135, 150, 175, 200, 300, 400, 600, 800, 1000)
MORE_TEMPLATES: Final = (1, 2, 4, 8)
"""How often as many templates as the files have are tried, where the files' own prompts are not enough."""

Wishes = Mapping[Question, float]
"""The sizes of the changes that are to be shown, as fractions."""


@dataclass(frozen=True)
class Candidate:
    """A design with what it takes.

    `prompts` counts those of each split; where `in_files` is false the prompt files hold fewer, or fewer templates.
    """

    prompts: Mapping[str, int]
    samples: int
    builders: int
    design: Design
    completions: int
    in_files: bool

    @property
    def build_fraction(self) -> float:
        """The share of harm_train that makes so many prompts build the direction."""
        return fraction_of(self.builders, n=self.prompts["harm_train"])


@dataclass(frozen=True)
class Space:
    """What a search varies: the prompts of the files, how many of harm_train build the direction, and what is known.

    `completions` counts those of a run with so many prompts of each split and samples; `field` is that of
    `cluster_prompts`.
    """

    prompts: Mapping[str, Sequence[Prompt]]
    builders: int
    rates: Rates
    completions: Callable[[Mapping[str, int], int], int]
    field: str = "template"

    def in_files(self, samples: int) -> Iterator[Callable[[], Candidate]]:
        """The designs that the files have prompts for, from few prompts to all; each is made when it is called."""
        most = max(len(of_split) for of_split in self.prompts.values())
        for n in sorted({*(n for n in PROMPTS if 2 * self.builders <= n < most), most}):
            yield partial(self._of_files, n, samples)

    def beyond(self, samples: int, *, times: int) -> Iterator[Callable[[], Candidate]]:
        """Designs with more prompts, and so many times the templates that the files have."""
        for n in PROMPTS:
            if n > 2 * self.builders:
                yield partial(self._made_up, n, samples, times)

    def _of_files(self, n: int, samples: int) -> Candidate:
        used = {split: spread_subset(of_split, limit=n) for split, of_split in self.prompts.items()}
        fraction = fraction_of(self.builders, n=len(used["harm_train"]))
        design = design_of_prompts(used, build_fraction=fraction, samples=samples, field=self.field)
        sizes = {split: len(of_split) for split, of_split in used.items()}
        return Candidate(sizes, samples, self.builders, design, self.completions(sizes, samples), in_files=True)

    def _made_up(self, n: int, samples: int, times: int) -> Candidate:
        clusters = {}
        for split, of_split in self.prompts.items():
            found = len(set(cluster_prompts(of_split, field=self.field).values()))
            # Prompts that are all unlike each other stay so.
            clusters[split] = n if found == len(of_split) else min(n, found * times)
        train = dealt(n - self.builders, clusters=clusters["harm_train"])
        test, benign = (dealt(n, clusters=clusters[split]) for split in ("harm_test", "benign"))
        design = Design(train, test, benign, samples)
        sizes = dict.fromkeys(self.prompts, n)
        return Candidate(sizes, samples, self.builders, design, self.completions(sizes, samples), in_files=False)


def cheapest_designs(space: Space, *, wishes: Wishes) -> list[Candidate]:
    """Find the designs with the fewest completions that show every wish with 80% power, one per number of samples.

    Designs that the files have prompts for go before all others.

    Returns:
        The cheapest first; none where no design of the grid shows the wishes.
    """
    found = [_fewest(list(space.in_files(samples)), space.rates, wishes) for samples in SAMPLES]
    # At once, since the largest designs are the slowest: what they do not show nothing does.
    if not any(found) and shows(largest_design(space), rates=space.rates, wishes=wishes):
        found = [_fewest_beyond(space, samples=samples, wishes=wishes) for samples in SAMPLES]
    return sorted(filter(None, found), key=lambda one: (one.completions, one.samples))


def largest_design(space: Space) -> Candidate:
    """The design of the grid that shows most."""
    return list(space.beyond(SAMPLES[-1], times=MORE_TEMPLATES[-1]))[-1]()


def shows(candidate: Candidate, *, rates: Rates, wishes: Wishes) -> bool:
    """Whether a design shows every wish with 80% power."""
    simulation = Simulation(candidate.design, rates=rates)
    return all(simulation.power(question, size=size) >= ENOUGH for question, size in wishes.items())


def _fewest(ladder: Sequence[Callable[[], Candidate]], rates: Rates, wishes: Wishes) -> Candidate | None:
    """The first design that shows the wishes, of some that show ever more."""
    place = bisect_left(ladder, True, key=lambda make: shows(make(), rates=rates, wishes=wishes))
    return ladder[place]() if place < len(ladder) else None


def _fewest_beyond(space: Space, *, samples: int, wishes: Wishes) -> Candidate | None:
    """The fewest prompts that show the wishes, and with them the fewest templates."""
    found = [_fewest(list(space.beyond(samples, times=times)), space.rates, wishes) for times in MORE_TEMPLATES]
    return min(filter(None, found), key=lambda one: (one.completions, len(one.design.test)), default=None)


def fraction_of(builders: int, *, n: int) -> float:
    """The smallest `direction.build_fraction` of four digits with which so many of n prompts build the direction."""
    return min(1.0, ceil(builders / n * 10_000 - 1e-9) / 10_000)


def dealt(n: int, *, clusters: int) -> tuple[int, ...]:
    """Sizes of clusters to which n prompts are dealt as evenly as can be."""
    clusters = max(1, min(n, clusters))
    return tuple(n // clusters + (place < n % clusters) for place in range(clusters))
