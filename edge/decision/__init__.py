"""From probabilities to events: the level gate, hysteresis and episodes. Plain numbers in, records out."""
