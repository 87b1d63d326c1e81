"""A game day: the shop runs, something is broken on purpose, the incident is taken to its end: make gameday FAULT=bad-release.

python examples/gameday/run.py FAULT [--approve auto|ask|never] [--by nexus|hand] [--warm-up MINUTES] [--out DIR] [--keep]

Exit status: 0 everything that was checked holds; 1 something does not; 2 it could not begin; 3 nothing was approved, and
nothing was changed. `--by hand` does without NEXUS: the game day itself runs the operator's command that cures the fault.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from checks import Before, acted, diagnosed, incidents, pictured, recovered, timed, unchanged
from estate import Estate, NotHealthy, answers, until
from faults import FAULTS, Fault
from follow import Follower
from programs import Missing
from quick_library import write_library
from telling import Check, Teller

HERE = Path(__file__).parent
WARM_UP_MINUTES = 7.0
"""Normal load from which NEXUS learns what is normal; with less than six it has nothing to compare with."""
ALERT_S = 300.0
ENDS_S = 2400.0
RECOVERS_S = 180.0
OTHERS_TROUBLE_S = 60.0
"""How long another company's trouble goes on once we do without it."""


class NotEnded(Exception):
    """What was waited for did not come."""


@dataclass
class Day:
    """One game day under way."""

    fault: Fault
    estate: Estate
    teller: Teller = field(default_factory=Teller)

    @property
    def incidents(self) -> Path:
        """Where NEXUS keeps them."""
        return self.estate.folder / "incidents"

    def start_nexus(self) -> None:
        """NEXUS takes Alertmanager's webhook from now on."""
        for difference in write_library(self.estate.folder / "library"):
            self.teller.say(f"quick: {difference}")
        self.estate.ask_supervisor(do="start", name="nexus")
        until(lambda: answers(f"{self.estate.url('nexus')}/health"), "NEXUS")
        self.teller.say(f"NEXUS is at {self.estate.url('nexus')}; approvals: {self.estate.approve}")

    def wait_for_alert(self) -> str:
        """What fires, once one of the fault's own alerts does. Raises NotEnded."""
        ends = time.monotonic() + ALERT_S
        while time.monotonic() < ends:
            firing = sorted({alert["labels"]["alertname"] for alert in self.estate.alerts()})
            if self.fault.alerts & set(firing):
                return ", ".join(firing)
            time.sleep(1)
        raise NotEnded(f"none of {', '.join(sorted(self.fault.alerts))} fired within {ALERT_S:.0f} s")

    def wait_for_end(self) -> None:
        """Until every incident has ended and is written down, or waits for what nobody will approve. Raises NotEnded."""
        ends, passing, nexus = time.monotonic() + ENDS_S, 0.0, Follower(self.estate.url("nexus"))
        while time.monotonic() < ends:
            if self.estate.ask_supervisor(do="list")["nexus"]["deaths"]:
                raise NotEnded("NEXUS died; logs/nexus.out says why")
            found = nexus.incidents()
            for incident in found:
                self._tell(nexus, incident)
            if found and self.estate.approve == "never" and any(incident["questions"] for incident in found):
                self.teller.say("NEXUS waits at its plan; nobody will approve it")
                return
            if found and {one["id"] for one in found} == {one["id"] for one in incidents(self.incidents) if one["ended_at"]}:
                return
            passing = self._let_pass(passing)
            time.sleep(2)
        raise NotEnded(f"the incident did not end within {ENDS_S / 60:.0f} minutes")

    def _tell(self, nexus: Follower, incident: Mapping[str, Any]) -> None:
        for line in nexus.lines(incident["id"]):
            self.teller.say(f"NEXUS: {line}")
        if self.estate.approve == "ask" and incident["questions"]:
            for question in nexus.questions(incident["id"]):
                self.teller.say(f"NEXUS asks: {question}; answer: nexus approve {incident['id']} --out {self.incidents}")

    def stop_nexus(self) -> None:
        """It writes down what has not ended."""
        self.estate.ask_supervisor(do="stop", name="nexus")

    def _let_pass(self, since: float) -> float:
        """Another company mends its trouble some time after we have begun to do without it."""
        if self.fault.passes is None or since < 0:
            return since
        if not since:
            return time.monotonic() if self.estate.state()["pay_later"] else 0.0
        if time.monotonic() - since < OTHERS_TROUBLE_S:
            return since
        self.fault.passes(self.estate)
        self.teller.say("the payment provider has recovered")
        return -1.0

    def cure_by_hand(self) -> None:
        """What an operator would type."""
        self.teller.say(self.estate.command(*self.fault.cure).replace("\n", "; "))
        if self.fault.passes is not None:
            time.sleep(20)
            self.fault.passes(self.estate)
            self.teller.say(self.estate.command("fallback", "off"))

    def wait_for_quiet(self) -> None:
        """Until no alert is left, or not for longer than that should take: the checks say what is wrong then."""
        ends = time.monotonic() + RECOVERS_S
        while self.estate.alerts() and time.monotonic() < ends:
            time.sleep(2)


def play(day: Day, by: str, warm_up_minutes: float) -> list[Check]:
    """The whole day; what was checked. Raises NotHealthy, NotEnded."""
    say, estate = day.teller.say, day.estate
    estate.start()
    say(f"the shop is at {estate.url('shop')}, Prometheus at {estate.url('prometheus')}, all in {estate.folder}")
    estate.ask_supervisor(do="start", name="load")
    if by == "nexus":
        day.start_nexus()
    say(f"{warm_up_minutes:g} minutes of normal load")
    time.sleep(60 * warm_up_minutes)
    injected = datetime.now(UTC)
    day.fault.inject(estate)
    before = Before.of(estate)
    say(f"broken: {day.fault.title}")
    say(f"firing: {day.wait_for_alert()}")
    if by == "hand":
        day.cure_by_hand()
        day.wait_for_quiet()
        return list(recovered(estate))
    day.wait_for_end()
    if estate.approve == "never":
        day.stop_nexus()
    else:
        day.wait_for_quiet()
    return checked(day, injected, before)


def checked(day: Day, injected: datetime, before: Before) -> list[Check]:
    """Everything that has to hold at the end of the day."""
    found: list[dict[str, Any]] = incidents(day.incidents)
    one = Check("there is one incident", len(found) == 1, ", ".join(incident["id"] for incident in found) or "none")
    if len(found) != 1:
        return [one]
    incident = found[0]
    known = [one, *diagnosed(day.fault, incident)]
    if day.estate.approve == "never":
        told = "; ".join(step["text"] for step in incident["plan"]["steps"]) if incident["plan"] else "there is none"
        planned = Check("a plan is there, and waits", bool(incident["plan"]) and incident["outcome"] == "waiting", told)
        return [*known, planned, *unchanged(day.estate, before)]
    return [
        *known,
        *acted(day.fault, incident),
        *recovered(day.estate),
        pictured(day.incidents, incident),
        *timed(day.estate, day.fault, incident, injected),
    ]


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """A termination is like Ctrl-C: everything is taken down before we go."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def kept(folder: Path, out: Path) -> Path:
    """The incident's folder and the logs of the day, where they outlive it."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("incidents", "logs", "status"):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, out / name, dirs_exist_ok=True)
    shutil.copy(folder / "changes.jsonl", out)
    return out


def main() -> int:
    """Read the command line, play the day, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fault", choices=sorted(FAULTS))
    parser.add_argument("--approve", choices=["auto", "ask", "never"], default="auto", help="who answers NEXUS' approvals")
    parser.add_argument("--by", choices=["nexus", "hand"], default="nexus", help="who cures the fault")
    parser.add_argument(
        "--warm-up", type=float, default=WARM_UP_MINUTES, metavar="MINUTES", help="of normal load before the fault"
    )
    parser.add_argument("--out", type=Path, help="where the incident's folder and the logs are kept")
    parser.add_argument("--keep", action="store_true", help="leave the whole folder of the day")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gameday-"))
    day = Day(FAULTS[asked.fault], Estate(folder, approve=asked.approve))
    try:
        with ended_by_signals():
            checks = play(day, asked.by, asked.warm_up)
            day.teller.table(checks)
    except (Missing, NotHealthy, NotEnded) as error:
        day.teller.say(str(error))
        return 1 if isinstance(error, NotEnded) else 2
    except KeyboardInterrupt:
        day.teller.say("interrupted")
        return 130
    else:
        holds = all(check.holds for check in checks)
        return 1 if not holds else 3 if asked.approve == "never" else 0
    finally:
        day.estate.stop()
        if asked.out is not None:
            day.teller.say(f"kept: {kept(folder, asked.out)}")
        if asked.keep:
            day.teller.say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
