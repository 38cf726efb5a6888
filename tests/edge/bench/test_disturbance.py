"""A run that was throttled or had to share the processor says so."""

import pytest

from edge.bench.disturbance import Watch, reasons

ALONE = {"cpu_share": 0.999, "involuntary_switches_per_s": 1.0, "others_share": 0.01, "steal_share": 0.0}
EVEN = [1.0, 1.01, 1.02]


def moment(clock_mhz=1500.0, now=(), since_start=(), cooling=None):
    return {
        "clocks_mhz": [clock_mhz],
        "temperatures_c": {},
        "cooling": cooling or {},
        "load_1min": 0.0,
        "throttled": {"now": list(now), "since_start": list(since_start)},
    }


def test_alone_and_cool_there_is_nothing_to_say():
    assert reasons(ALONE, EVEN, moment(), [moment(), moment()], moment()) == []


def test_what_the_system_does_not_say_is_no_reason():
    unknown = dict(ALONE, others_share=None, steal_share=None)
    silent = dict(moment(), clocks_mhz=[], throttled=None)
    assert reasons(unknown, EVEN, silent, [silent], silent) == []


@pytest.mark.parametrize(
    "figure, value, said",
    [
        ("cpu_share", 0.8, "waited for the processor 20% of the time"),
        ("others_share", 0.4, "other programs used 40% of the processor"),
        ("steal_share", 0.05, "the hypervisor took 5.0% of the processor"),
        ("involuntary_switches_per_s", 50.0, "interrupted 50 times a second"),
    ],
)
def test_sharing_the_processor_is_said(figure, value, said):
    assert reasons(dict(ALONE, **{figure: value}), EVEN, moment(), [], moment()) == [said]


def test_work_that_takes_longer_now_and_then_is_said():
    assert reasons(ALONE, [1.0, 1.3], moment(), [], moment()) == ["the same work took up to 30% longer between rounds"]


@pytest.mark.parametrize(
    "during, said",
    [
        ([moment(now=["throttled"])], "throttled: throttled"),
        ([moment(since_start=["under-voltage"])], "throttled: under-voltage"),
        ([moment(cooling={"cpu-throttle": 1})], "throttled: cooling cpu-throttle"),
        ([moment(1500.0), moment(600.0)], "throttled: clock fell from 1500 to 600 MHz"),
    ],
)
def test_throttling_is_said(during, said):
    assert reasons(ALONE, EVEN, moment(), during, moment()) == [said]


def test_what_happened_before_the_run_is_not_held_against_it():
    earlier = moment(since_start=["throttled"])
    assert reasons(ALONE, EVEN, earlier, [earlier], earlier) == []


def test_a_soak_waits_on_purpose():
    assert reasons(dict(ALONE, cpu_share=0.01), [], moment(), [], moment()) == []


def test_a_watch_sees_this_process_work():
    watch = Watch()
    sum(number * number for number in range(200000))
    figures = watch.figures()
    assert 0 < figures["cpu_share"] <= 1.5
    assert figures["involuntary_switches_per_s"] >= 0
