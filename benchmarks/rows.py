"""The rows of the table as data: a work, its contenders, its targets; and what came out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from .harness import Contender, Settings, measure, quartiles


@dataclass(frozen=True)
class Target:
    """A limit and, beyond it, a stretch, both as they are written: ``1/3``, ``1.5``.

    The figure that is held against them is our time by the peer's, or the plain figure where there
    is a ``unit``. With ``at_least`` it is our throughput by the peer's.
    """

    limit: str
    stretch: str | None = None
    unit: str = ""
    at_least: bool = False

    def is_met(self, figure: float, limit: str) -> bool:
        """Whether the figure keeps to the limit."""
        bound = float(Fraction(limit))
        return figure >= bound if self.at_least else figure <= bound

    def __str__(self) -> str:
        """As the table prints it."""
        unit = f" {self.unit}" if self.unit else " \N{MULTIPLICATION SIGN}"
        return f"{'≥' if self.at_least else '≤'} {self.limit}{unit}"


@dataclass(frozen=True)
class Peer:
    """Who a work is compared with, and how well we want to do."""

    name: str
    target: Target


@dataclass(frozen=True)
class Result:
    """A row of the table, measured. Times are in nanoseconds a call, or in the target's unit."""

    area: str
    work: str
    ours: float
    peer: str
    peer_figure: float
    figure: float
    spread: tuple[float, float]
    unit: str
    target: str
    met: bool
    stretch: str | None
    stretch_met: bool | None
    rounds: list[float] = field(repr=False)


def result(
    area: str,
    work: str,
    peer: Peer,
    values: tuple[float, float],
    figures: Sequence[float],
) -> Result:
    """Hold the figures of all rounds against the peer's target."""
    low, figure, high = quartiles(figures)
    target = peer.target
    return Result(
        area=area,
        work=work,
        ours=values[0],
        peer=peer.name,
        peer_figure=values[1],
        figure=figure,
        spread=(low, high),
        unit=target.unit,
        target=str(target),
        met=target.is_met(figure, target.limit),
        stretch=target.stretch,
        stretch_met=None if target.stretch is None else target.is_met(figure, target.stretch),
        rounds=list(figures),
    )


class Work(Protocol):
    """Something measured that fills one or more rows."""

    @property
    def area(self) -> str:
        """The file it is in."""

    @property
    def name(self) -> str:
        """As the table prints it."""

    @property
    def peers(self) -> Sequence[Peer]:
        """A row each."""

    def run(self, settings: Settings) -> list[Result]:
        """Measure it."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Our statement against those of the peers, in turn in this process."""

    area: str
    name: str
    ours: Contender
    against: Sequence[tuple[Contender, Target]]

    @property
    def peers(self) -> list[Peer]:
        """A row each."""
        return [Peer(contender.name, target) for contender, target in self.against]

    def run(self, settings: Settings) -> list[Result]:
        """Measure it."""
        contenders = [self.ours, *(contender for contender, _ in self.against)]
        ours, *others = measure(contenders, settings)
        return [
            result(
                self.area,
                self.name,
                peer,
                (ours.median, other.median),
                other.ratios(ours) if peer.target.at_least else ours.ratios(other),
            )
            for peer, other in zip(self.peers, others, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Figures that are no times of statements: ``read`` returns ours and the peer's of a round.

    What is held against the target is the difference.
    """

    area: str
    name: str
    peer: Peer
    read: Callable[[], tuple[float, float]]
    most_rounds: int

    @property
    def peers(self) -> list[Peer]:
        """The one row."""
        return [self.peer]

    def run(self, settings: Settings) -> list[Result]:
        """Measure it."""
        readings = [self.read() for _ in range(min(settings.rounds, self.most_rounds))]
        ours = quartiles([ours for ours, _ in readings])[1]
        other = quartiles([other for _, other in readings])[1]
        figures = [ours - other for ours, other in readings]
        return [result(self.area, self.name, self.peer, (ours, other), figures)]
