"""Stage timings of the quiet, the listening and the crying path apart."""

from edge.timings import FRAME_STAGE, StageTimings

QUIET = "quiet"  # the gate is closed: the detector is not asked
LISTENING = "listening"  # the detector is asked
CRYING = "crying"  # an episode is open
PATHS = (QUIET, LISTENING, CRYING)
RESAMPLE_STAGE, STORE_STAGE = "resample", "store"
AROUND_THE_PIPELINE = {RESAMPLE_STAGE, STORE_STAGE}
HOP_STAGE = "hop"  # everything that 0.2 s of audio cost, the listener and the store included
CPU_STAGE = "hop, CPU"  # the same in CPU time, which other programs hardly change


class PathTimings(StageTimings):
    """Takes the place of a pipeline's timings; sorts what a hop took by the path that it took.

    Inside a frame it only appends, which costs less than the timings that it replaces; hop_done sorts, when no clock
    is running.
    """

    def __init__(self, pipeline):
        StageTimings.__init__(self, pipeline.timings.budget_s)
        self._pipeline = pipeline
        self._hop = []  # (stage, seconds) since the last hop ended
        self.paths = {path: StageTimings(self.budget_s) for path in PATHS}
        self.timeline = []  # (path, seconds of the hop) in order

    def add(self, stage, duration_s):
        """Record one duration of a stage, in seconds."""
        self._hop.append((stage, duration_s))

    def frame_done(self, total_s):
        """Record one whole frame, in seconds, and count it when it is over the budget."""
        self._hop.append((FRAME_STAGE, total_s))
        if total_s > self.budget_s:
            self.missed_deadlines += 1

    def hop_done(self, total_s, cpu_s):
        """The work on a block is done: True when it completed a hop. All of it belongs to its frame's path."""
        stages = {stage for stage, _ in self._hop}
        if FRAME_STAGE not in stages:
            if stages <= AROUND_THE_PIPELINE:
                return False  # a block in between: the next frame takes what it cost
            del self._hop[:]  # a hop of the stream's first second, which makes no frame
            return True
        path = CRYING if self._pipeline.is_crying else LISTENING if "detector" in stages else QUIET
        of_path = self.paths[path]
        for stage, seconds in summed(self._hop):
            StageTimings.add(self, stage, seconds)
            if stage == FRAME_STAGE:
                of_path.frame_done(seconds)
            else:
                of_path.add(stage, seconds)
        for stage, seconds in ((CPU_STAGE, cpu_s), (HOP_STAGE, total_s)):
            StageTimings.add(self, stage, seconds)
            of_path.add(stage, seconds)
        self.timeline.append((path, total_s))
        del self._hop[:]
        return True


def summed(stages):
    """[(stage, seconds)] with each stage once, in order of first appearance."""
    totals = {}
    for stage, seconds in stages:
        totals[stage] = totals.get(stage, 0.0) + seconds
    return list(totals.items())
