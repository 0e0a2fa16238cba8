"""The panels of the event stream: what waits, how long events take, and their outcomes."""

from dashboards.panels import RED, SECONDS, YELLOW, Panel, number, stat, text, time
from dashboards.sources import POSTGRES
from storeline.health import STUCK_SECONDS

# Longer than a busy stream takes, shorter than STREAM_STALL_SECONDS, after which a run ends itself.
SLOW_SECONDS = 60.0
# Events that this repository's producers sent and the stream has not reached: Kafka itself is no data source. A
# recreated topic starts at offset 0 again, so events sent before its first read belong to the old topic. The latest
# rows suffice: no unread event on this board is older.
WAITING = """from (
    select topic, partition, "offset", sent_at from ops.sent_events
    order by sent_event_id desc limit 100000
) as sent
left join ops.stream_offsets as read using (topic, partition)
left join lateral (
    select first_read_at from ops.stream_topics as named
    where named.topic_id = read.topic_id
        and exists (select from ops.stream_topics as older
                    where older.topic = named.topic and older.first_read_at < named.first_read_at)
) as recreated on true
where sent."offset" >= coalesce(read.next_offset, 0)
    and sent.sent_at >= coalesce(recreated.first_read_at, '-infinity')"""


PANELS = (
    stat(
        "Events that wait",
        "Events sent by this repository's producers that the stream has not taken yet.",
        POSTGRES,
        f"select count(*) as events\n{WAITING}",
        number("events"),
    ),
    stat(
        "Oldest event that waits",
        "Its age.",
        POSTGRES,
        f"select coalesce(extract(epoch from now() - min(sent.sent_at)), 0)::float as age\n{WAITING}",
        number("age", SECONDS, (SLOW_SECONDS, YELLOW), (STUCK_SECONDS, RED)),
    ),
    stat(
        "Latency",
        "From Kafka to an outcome: the 95th percentile of the last 15 minutes.",
        POSTGRES,
        """select percentile_cont(0.95) within group (
    order by extract(epoch from decided_at - produced_at)::float
) as latency
from ops.events
where decided_at > now() - interval '15 minutes'""",
        number("latency", SECONDS, (SLOW_SECONDS, YELLOW), (STUCK_SECONDS, RED)),
    ),
    stat(
        "Orders that are parked",
        "Orders waiting for their user or products.",
        POSTGRES,
        "select count(*) as orders\nfrom ops.parked_events",
        number("orders"),
    ),
    Panel(
        "Latency by minute",
        "From Kafka to an outcome: the median and the 95th percentile.",
        "timeseries",
        POSTGRES,
        """select
    date_trunc('minute', decided_at) as time,
    percentile_cont(0.5) within group (order by extract(epoch from decided_at - produced_at)::float) as half,
    percentile_cont(0.95) within group (order by extract(epoch from decided_at - produced_at)::float) as most
from ops.events
where $__timeFilter(decided_at)
group by time
order by time""",
        (time(), number("half", SECONDS), number("most", SECONDS)),
    ),
    Panel(
        "Outcomes by minute",
        "Each event has exactly one outcome.",
        "timeseries",
        POSTGRES,
        """select
    date_trunc('minute', decided_at) as time,
    count(*) filter (where outcome = 'landed') as landed,
    count(*) filter (where outcome = 'duplicate') as duplicate,
    count(*) filter (where outcome = 'superseded') as superseded,
    count(*) filter (where outcome = 'parked') as parked,
    count(*) filter (where outcome = 'dead') as dead
from ops.events
where $__timeFilter(decided_at)
group by time
order by time""",
        (time(), *(number(one) for one in ("landed", "duplicate", "superseded", "parked", "dead"))),
        stacked=True,
    ),
    Panel(
        "Dead letters by reason",
        "Events that could not be taken; storeline redrive sends those not yet redriven.",
        "table",
        POSTGRES,
        """select
    error_class as class, topic, min(reason) as for_example, count(*) as letters,
    count(*) filter (where redriven_at is null) as not_sent_again, max(dead_at) as latest
from ops.dead_letters
where $__timeFilter(dead_at)
group by error_class, topic
order by letters desc, class, topic""",
        (
            text("class"),
            text("topic"),
            text("for_example"),
            number("letters"),
            number("not_sent_again"),
            time("latest"),
        ),
        width=24,
        height=7,
    ),
)
