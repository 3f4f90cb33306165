"""The view check over time: when to look closer, and what one answer is worth.

A glance every few seconds is cheap. The full comparison comes when a glance finds too little, and
once a minute in any case. One odd answer is a passing bus; only answers that repeat change the
state. Suspending, telling and attesting anew are the keeper's.
"""

from serambi.analytics.background import Luma
from serambi.analytics.view import ReferenceViews, Sight, View

GLANCE_EVERY_S = 2.0
FULL_EVERY_S = 60.0

_GLANCE_ENOUGH = 0.5
_CLOSER_EVERY_S = 1.5
_PROVEN_TWICE = 2  # a transformation that was found
_PROVEN_STRANGE = 3  # a picture in which nothing is known
_PAUSE_AFTER = 3


class ViewWatch:
    """`update` with pictures; `sight` is what holds now. A proven change stays until `renew`: only
    a new attestation undoes it. What cannot be told ends by itself with a match."""

    def __init__(self, references: ReferenceViews) -> None:
        self.renew(references)

    def renew(self, references: ReferenceViews) -> None:
        """Begin with these views: attested, or attested anew."""
        self.sight = Sight.MATCH
        self.last = View(Sight.MATCH, 1.0)
        self.checks = 0
        self._references = references
        self._glanced_s = self._checked_s = -1e9
        self._doubt = False
        self._row = 0

    def update(self, luma: Luma, t_s: float) -> bool:
        """Take the picture of time `t_s`; True when `sight` became another."""
        due = _CLOSER_EVERY_S if self._doubt else FULL_EVERY_S
        if t_s - self._checked_s >= due:
            return self._check(luma, t_s)
        if t_s - self._glanced_s >= GLANCE_EVERY_S and not self._doubt:
            self._glanced_s = t_s
            if self._references.glance(luma) < _GLANCE_ENOUGH:
                return self._check(luma, t_s)
        return False

    def _check(self, luma: Luma, t_s: float) -> bool:
        self._checked_s = self._glanced_s = t_s
        self.checks += 1
        view = self._references.check(luma)
        self._row = self._row + 1 if view.sight is self.last.sight else 1
        self.last = view
        self._doubt = view.sight is not Sight.MATCH
        before = self.sight
        if before is Sight.CHANGED:
            return False
        if view.sight is Sight.MATCH:
            self.sight = Sight.MATCH
        elif view.sight is Sight.UNDECIDABLE and self._row >= _PAUSE_AFTER:
            self.sight = Sight.UNDECIDABLE
        elif view.sight is Sight.CHANGED and self._row >= (
            _PROVEN_TWICE if view.inliers else _PROVEN_STRANGE
        ):
            self.sight = Sight.CHANGED
        return self.sight is not before
