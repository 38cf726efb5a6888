"""What inferences cost in energy, where the board tells: RAPL of a PC's processor, the INA sensors of a Jetson.

RAPL counts joules, an INA gives milliwatts of the board's input: they are sampled between inferences, so that nothing
runs beside them. Both tell of the whole processor or board: what it takes at rest is measured first and taken off.
"""

import glob
import os
from time import perf_counter, sleep

REST_S, BUSY_S = 1.0, 2.0  # how long each is measured
BATCH_S = 0.05  # of inferences, between two looks at the sensor
NO_SENSOR = "no sensor that can be read: neither RAPL (/sys/class/powercap, root alone reads it) nor an INA of a Jetson"


class Rapl(object):
    """The counter of the processor's package, in joules."""

    def __init__(self, folder):
        """folder: of /sys/class/powercap. Raises OSError or ValueError when it cannot be read."""
        self.source = "RAPL, the processor's package"
        self._path = os.path.join(folder, "energy_uj")
        self._range = number(os.path.join(folder, "max_energy_range_uj"))
        self._last = number(self._path)

    def watts(self, elapsed_s):
        """Mean power since the last call."""
        now = number(self._path)
        joules = (now - self._last) % (self._range + 1) / 1e6  # the counter begins anew when it is full
        self._last = now
        return joules / elapsed_s


class Ina(object):
    """The sensor of the board's input."""

    def __init__(self, power, voltage, current):
        """power: file of milliwatts, or None and files of millivolts and milliamperes. Raises OSError, ValueError."""
        self.source = "INA, the board's input"
        self._power, self._voltage, self._current = power, voltage, current
        self.watts(0.0)

    def watts(self, elapsed_s):
        """Power now."""
        if self._power is not None:
            return number(self._power) / 1e3
        return number(self._voltage) * number(self._current) / 1e6


def number(path):
    """The integer in a file. Raises OSError, ValueError."""
    with open(path, encoding="ascii") as file:
        return int(file.read())


def find_sensor(root="/"):
    """The first sensor that can be read, or None. root: for tests."""
    found = [
        lambda folder=folder: Rapl(folder) for folder in sorted(glob.glob(root + "sys/class/powercap/intel-rapl:0"))
    ]
    for path in sorted(glob.glob(root + "sys/bus/i2c/drivers/ina3221x/*/iio:device*/in_power0_input")):
        found.append(lambda path=path: Ina(path, None, None))
    for folder in sorted(glob.glob(root + "sys/class/hwmon/hwmon*")):
        if name_of(folder).startswith("ina"):
            voltage, current = (os.path.join(folder, name) for name in ("in1_input", "curr1_input"))
            found.append(lambda voltage=voltage, current=current: Ina(None, voltage, current))
    for sensor in found:
        try:
            return sensor()
        except (OSError, ValueError):
            continue
    return None


def name_of(folder):
    """What a sensor of hwmon calls itself."""
    try:
        with open(os.path.join(folder, "name"), encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""


def of_inferences(infer, root="/", rest_s=REST_S, busy_s=BUSY_S):
    """Energy of one inference: a dict of JSON; where nothing tells, "source" is None and there is a "reason"."""
    sensor = find_sensor(root)
    if sensor is None:
        return {"source": None, "reason": NO_SENSOR}
    rest_w, _ = measured(sensor, lambda: sleep(BATCH_S), rest_s)
    busy_w, per_second = measured(sensor, infer, busy_s)
    return {
        "source": sensor.source,
        "rest_w": rest_w,
        "busy_w": busy_w,
        "millijoules": 1e3 * busy_w / per_second,
        "millijoules_over_rest": 1e3 * max(0.0, busy_w - rest_w) / per_second,
    }


def measured(sensor, action, seconds):
    """(mean watts, actions a second) while an action is done over and over."""
    watts, count, started = [], 0, perf_counter()
    sensor.watts(1.0)
    while perf_counter() - started < seconds:
        batch = perf_counter()
        while perf_counter() - batch < BATCH_S:
            action()
            count += 1
        watts.append(sensor.watts(perf_counter() - batch))
    return sum(watts) / len(watts), count / (perf_counter() - started)


def line(energy):
    """A result's energy as a line."""
    if energy["source"] is None:
        return "energy: " + energy["reason"]
    return "energy ({source}): {millijoules:.3f} mJ an inference, {millijoules_over_rest:.3f} over rest".format(
        **energy
    )
