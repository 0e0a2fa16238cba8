"""What calls for a build of the marts while the stream of changes runs; the triggerer runs it.

It looks at what the ledger says and fires one event when `storeline/marts/following.py` finds the marts due. Unlike a
DAG's code, an edit counts when the triggerer is started again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from storeline.marts.following import UNREACHABLE, Following, Marts, look
from storeline.settings import Settings, load

SECONDS_BETWEEN_LOOKS = 5


class ChangesApplied(BaseEventTrigger):
    """Fires when the stream has applied changes and the marts were built MARTS_FOLLOW_SECONDS ago."""

    said = ""  # why the last look failed

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class; it has no arguments, because the DAG parser does not have the settings."""
        return f"{__name__}.{type(self).__name__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look from time to time, without end; a MySQL that does not answer is asked again."""
        settings = load()
        following = Following(settings.marts_follow_seconds)
        while True:
            if following.follow_seconds:
                marts = await asyncio.to_thread(self._look, settings)
                if marts and following.is_due(marts):
                    yield TriggerEvent(asdict(marts))  # type: ignore[no-untyped-call]
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def _look(self, settings: Settings) -> Marts | None:
        try:
            marts = look(settings)
        except UNREACHABLE as error:
            if str(error) != self.said:
                self.log.warning("cannot see whether the marts are to be built: %s", error)
            self.said = str(error)
            return None
        self.said = ""
        return marts
