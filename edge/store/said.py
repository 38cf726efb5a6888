"""What the log says of what was kept, removed and lost."""

from edge.log import iso_utc, log


def say_lost(waiting, why) -> None:
    """An event that was never written. waiting: edge.store.waiting.WaitingEvent."""
    length_s = waiting.event.end_s - waiting.event.start_s
    log.error("lost, as the database %s: an event of %.1f s at %s", why, length_s, iso_utc(waiting.start_utc))


def say_cut_off(events) -> None:
    """Events that a monitor before this one left open when it died, as StoredEvents."""
    for event in events:
        log.warning(
            "the monitor died during an event: %.1f s from %s are kept",
            event.end_utc - event.start_utc,
            iso_utc(event.start_utc),
        )


def say_purged(purged, waits, limits) -> None:
    """What was removed for its age or size, and what was not. limits: keep_days and max_mb of the settings."""
    if waits:
        log.warning("%s", waits)
    if any(purged[:-1]):
        log.info(
            "removed %d events, %d minutes, %d health rows, %d traces, %d posteriors of events that stay: over "
            "store.keep_days or store.max_mb",
            *purged[:-1],
        )
    if purged.still_too_large:
        log.warning(
            "the database is over store.max_mb = %d by its events; they stay %d days", limits.max_mb, limits.keep_days
        )
