"""The topic of changes as it is now, and whether a position can be resumed in it."""

import time

from storeline.changes import position
from storeline.changes.messages import CopyNeededError
from storeline.changes.position import Position
from storeline.settings import Settings
from storeline.stores import kafka_topics
from storeline.stores.kafka_topics import TopicState
from storeline.topics import CHANGES

SECONDS_TO_A_SECOND_LOOK = 1


def resumable(settings: Settings, where: Position) -> TopicState:
    """Return the topic. Raises CopyNeededError when the position cannot be resumed in it, and KafkaError.

    It looks twice, because a broker that has just started may know less than before.
    """
    for is_last in (False, True):
        states = kafka_topics.states(settings, [CHANGES.name])
        try:
            position.check_topic(where, states)
        except CopyNeededError:
            if is_last:
                raise
            time.sleep(SECONDS_TO_A_SECOND_LOOK)
        else:
            break
    return states[CHANGES.name]
