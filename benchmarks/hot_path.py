"""Where a load's processor time goes: sessions played in this process against the null server, without its start-up.

    python benchmarks/hot_path.py                # milliseconds of a session, beside FastHttpUser's
    python benchmarks/hot_path.py --profile      # and by file, by cProfile

For whoever changes the client, the records or a journey. `rate.py` measures the whole of `seatrial load`.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - Locust's way: nothing may be imported before it is patched
import cProfile  # noqa: E402
import os  # noqa: E402
import pstats  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

os.environ["PLAIN_KIND"] = "fast"

import gevent  # noqa: E402
import plain_users  # noqa: E402
from locust.env import Environment  # noqa: E402
from null_server import null_server  # noqa: E402

from load.share import Share  # noqa: E402
from load.voyage import Voyage  # noqa: E402
from seatrial.records import RunFolder  # noqa: E402
from seatrial.settings import from_environment  # noqa: E402

USERS, SESSIONS, SHOWN = plain_users.USERS, 50, 25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    environment = Environment()
    environment.create_local_runner()
    with null_server() as (url, _), tempfile.TemporaryDirectory() as scratch:
        settings = from_environment({"SEATRIAL_URL": url, "SEATRIAL_USERS": str(USERS), "SEATRIAL_THINK": "0"})
        folder = RunFolder.create(f"{scratch}/run", "load")
        voyage = Voyage(settings, folder, environment.events.request, lambda _: None, Share())
        voyage.muster()
        voyage.begin()
        plays = [voyage.come_aboard().play for _ in range(USERS)]
        profile = cProfile.Profile() if given.profile else None
        own = _cost(plays, profile)

        class User(plain_users.PlainUser):  # type: ignore[misc]
            host = url

        plain = _cost([User(environment).session for _ in range(USERS)], None)
        voyage.stop()
        voyage.pay_off()
    print(f"a session costs {own:.2f} ms of processor time, FastHttpUser's {plain:.2f} ms: {plain / own:.2f} times")
    if profile is not None:
        spent: Counter[str] = Counter()
        for (file, _, _), (_, _, seconds, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
            spent["/".join(Path(file).parts[-2:])] += seconds
        for file, seconds in spent.most_common(SHOWN):
            print(f"{seconds / sum(spent.values()):6.1%}  {file if file != '~' else '(built in: sockets, files, ...)'}")
    return 0


def _cost(plays: Sequence[Callable[[], None]], profile: cProfile.Profile | None) -> float:
    """Milliseconds of processor time for a session, of users who play at the same time."""

    def one(play: Callable[[], None]) -> None:
        for _ in range(SESSIONS):
            play()

    for play in plays:
        play()  # what is made once is not of a session
    if profile is not None:
        profile.enable()
    began = time.process_time()
    gevent.joinall([gevent.spawn(one, play) for play in plays])
    spent = time.process_time() - began
    if profile is not None:
        profile.disable()
    return 1000 * spent / (SESSIONS * len(plays))


if __name__ == "__main__":
    sys.exit(main())
