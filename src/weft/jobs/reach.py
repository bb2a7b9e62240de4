"""How `weft jobs` gets to hosts: with the variables and options that a play over them would have."""

from __future__ import annotations

from weft.connection.api import Session, Sessions
from weft.connection.target import Passwords, target_for
from weft.model.nodes import Common, Play
from weft.model.settings import Settings
from weft.model.values import Origin
from weft.templating.blocking import evaluate
from weft.vars import PlayVars, Variables

_AT_ONCE = 64  # hosts that are asked at the same time, unless `forks` is more


class Reach:
    """Opens sessions with hosts of the inventory. The sessions belong to the pool it is given."""

    def __init__(self, variables: Variables, sessions: Sessions, settings: Settings, passwords: Passwords) -> None:
        self._variables = variables
        self._sessions = sessions
        self._settings = settings
        self._passwords = passwords
        play = Play(id="jobs", origin=Origin("<jobs>"), path="", hosts="all", common=Common())
        self._play = PlayVars(play=play, basedir=settings.playbook_dir or "")
        self.at_once = max(_AT_ONCE, settings.forks)

    async def session(self, host: str) -> Session:
        """The session with a host. Raises Unreachable, WeftError."""
        scope = self._variables.scope(host, play=self._play)
        target = await evaluate(
            lambda: target_for(scope, host=host, settings=self._settings, passwords=self._passwords)
        )
        return await self._sessions.open(target)
