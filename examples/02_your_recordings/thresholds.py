"""How long the smoothed p(cry) is at each level and above: python thresholds.py frames.jsonl"""

import json
import sys

HOP_S = 0.2

with open(sys.argv[1]) as file:
    records = [json.loads(line) for line in file]
frames = [record for record in records if record["type"] == "frame"]
print("p(cry) at least   seconds of {:.0f}".format(HOP_S * len(frames)))
for threshold in (0.5, 0.7, 0.85, 0.94, 0.98):
    seconds = HOP_S * sum(frame["cry_probability"] >= threshold for frame in frames)
    print("{:15.2f}   {:.1f}".format(threshold, seconds))
