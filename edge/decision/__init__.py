"""From probabilities to events, plain numbers in and records out: the level gate, hysteresis and episodes; and what
several experts' answers come to: temperature, fusion, pooling over an episode, and when there is no answer.
"""
